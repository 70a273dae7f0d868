"""Prints how large each function's artefact is once zipped, and fails if one is too large.

    python3 sizes.py MAX_BYTES FOLDER…      each FOLDER holds a bootstrap
"""

import os
import sys
import zipfile
from tempfile import TemporaryFile

limit, folders = int(sys.argv[1]), sys.argv[2:]
too_large = []
print(f"{'function':<20}{'binary':>12}{'zip':>12}")
for folder in folders:
    binary = os.path.join(folder, "bootstrap")
    with TemporaryFile() as scratch:
        with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(binary, "bootstrap")
        size = scratch.tell()
    name = os.path.basename(folder)
    print(f"{name:<20}{os.path.getsize(binary):>12,}{size:>12,}")
    if size > limit:
        too_large.append(name)
if too_large:
    sys.exit(f"larger than {limit:,} bytes: {', '.join(too_large)}")
