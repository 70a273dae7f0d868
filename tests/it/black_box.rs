//! Every journey that a deployed shop must pass, on the local cloud: its loops run beside the journey, and its time runs
//! ahead, so that what comes each minute on AWS comes while the test looks.

use std::cell::Cell;
use std::time::Duration;

use jiff::SignedDuration;
use tests::{Shop, TestApp};

/// How often the loops look for work, and how far the clock is moved then.
const TICK: Duration = Duration::from_millis(50);
const AHEAD: SignedDuration = SignedDuration::from_secs(2);

/// Takes a journey through a local cloud of its own. At its end nothing is left, and no invariant is broken.
async fn take<J: Future<Output = ()>>(journey: impl FnOnce(Shop) -> J) {
    let app = TestApp::start_by_the_wall().await;
    let base = &app.cloud.base_url;
    let over = Cell::new(false);
    let journey = async {
        journey(Shop::new(base, base, &app.cloud.clock)).await;
        over.set(true);
    };
    // They end by themselves, with nothing half done.
    let loops = async {
        while !over.get() {
            app.advance_by(AHEAD).await;
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::join!(journey, loops);
    app.finish().await;
}

macro_rules! tests {
    ($($group:ident::$name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                take(tests::journeys::$group::$name).await;
            }
        )*
    };
}

tests::journeys!(tests);
