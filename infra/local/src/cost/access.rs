//! The API's access log: how long a line is.

use anyhow::Context;

use crate::template::Stack;

/// How many bytes stand in a line for each variable of API Gateway, as a rule: an id of API Gateway is 16, of Lambda 36.
const TYPICAL: [(&str, u64); 15] = [
    ("error.message", 1),
    ("httpMethod", 4),
    ("integration.error", 1),
    ("integration.latency", 2),
    ("integration.requestId", 36),
    ("integration.status", 3),
    ("integrationErrorMessage", 1),
    ("integrationLatency", 2),
    ("protocol", 8),
    ("requestId", 16),
    ("requestTime", 26),
    ("responseLatency", 2),
    ("responseLength", 4),
    ("routeKey", 24),
    ("status", 3),
];

/// The bytes of one line, as the template has it written.
pub(super) fn line_bytes(stack: &Stack) -> anyhow::Result<u64> {
    let mut bytes = 0_u64;
    for (id, resource) in stack.resources() {
        if resource.kind == "AWS::ApiGatewayV2::Stage"
            && let Some(format) = resource.properties["AccessLogSettings"]["Format"].as_str()
        {
            bytes = bytes.saturating_add(length(format).with_context(|| id.clone())?);
        }
    }
    Ok(bytes)
}

fn length(format: &str) -> anyhow::Result<u64> {
    let mut parts = format.split("$context.");
    let mut bytes = parts.next().map_or(0, str::len).try_into().unwrap_or(u64::MAX);
    for part in parts {
        let end = part.find(|c: char| !c.is_alphanumeric() && c != '.').unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        let typical = TYPICAL.iter().find(|(known, _)| *known == name);
        let (_, typical) = typical.with_context(|| format!("nobody has said how long $context.{name} is"))?;
        bytes = bytes.saturating_add(*typical).saturating_add(rest.len().try_into()?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_count_with_their_typical_length() {
        assert_eq!(length(r#"{"a":"$context.requestId","s":$context.status}"#).unwrap(), 6 + 16 + 6 + 3 + 1);
        assert!(length("$context.identity.sourceIp").is_err());
    }
}
