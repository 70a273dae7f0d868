//! Requests and messages as the events that functions are woken with.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_sdk_sqs::types::Message;
use bytes::Bytes;
use reqwest::Request;
use serde_json::{Value, json};

/// A request as API Gateway hands it on: an HTTP API's payload, format 2.0.
pub(super) fn http_api(request: &Request) -> anyhow::Result<Bytes> {
    let (method, url) = (request.method().as_str(), request.url());
    let host = url.host_str().unwrap_or_default();
    let mut headers = BTreeMap::from([
        ("accept", "application/json"),
        ("accept-encoding", "gzip, deflate, br"),
        ("host", host),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
        ("x-amzn-trace-id", "Root=1-69212f29-0000000000005e1d0c3b7aa2"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ]);
    for (name, value) in request.headers() {
        headers.insert(name.as_str(), value.to_str()?);
    }
    let mut event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": url.path(),
        "rawQueryString": url.query().unwrap_or_default(), "headers": headers, "isBase64Encoded": false,
        "requestContext": {
            "accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": host, "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": method, "path": url.path(), "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            },
            "requestId": "VfXd03JvDoEEMzg=", "routeKey": "$default", "stage": "$default",
            "time": "22/Nov/2026:05:57:45 +0000", "timeEpoch": 1_795_327_065_000_u64,
        },
    });
    if let Some(body) = request.body() {
        let text = std::str::from_utf8(body.as_bytes().context("a body that is streamed")?)?;
        event["body"] = json!(text);
    }
    Ok(event.to_string().into())
}

/// A message as the event source mapping hands it on, in a batch of one.
pub(super) fn batch_of_one(message: &Message) -> Bytes {
    let attributes: BTreeMap<_, _> = message.message_attributes.iter().flatten().collect();
    let attribute = |value: &aws_sdk_sqs::types::MessageAttributeValue| json!({"dataType": value.data_type, "stringValue": value.string_value, "stringListValues": [], "binaryListValues": []});
    let attributes: BTreeMap<_, Value> = attributes.into_iter().map(|(name, value)| (name, attribute(value))).collect();
    let record = json!({
        "messageId": message.message_id, "receiptHandle": message.receipt_handle, "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": "1", "SentTimestamp": "1795327066120",
            "SenderId": "AROAEXAMPLEEXAMPLE:payment-webhook", "ApproximateFirstReceiveTimestamp": "1795327066127",
        },
        "messageAttributes": attributes, "md5OfBody": message.md5_of_body, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:fulfillment", "awsRegion": "us-east-1",
    });
    json!({"Records": [record]}).to_string().into()
}

/// A schedule's event.
pub(super) fn schedule() -> Bytes {
    let event = json!({
        "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
        "source": "aws.events", "account": "123456789012", "time": "2026-11-22T05:57:00Z", "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/bursar-janitor"], "detail": {},
    });
    event.to_string().into()
}

/// Whether an answer is a success: of an HTTP API, or of a batch, or of a schedule, whose answer nobody reads.
pub(super) fn succeeded(answer: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return false };
    let status = answer.get("statusCode").map(|status| status.as_u64().is_some_and(|status| status < 400));
    let failures = answer.get("batchItemFailures").map(|failures| failures.as_array().is_some_and(Vec::is_empty));
    status.or(failures).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_its_path_query_headers_and_body() {
        let request = reqwest::Client::new().post("http://127.0.0.1:7/a%2Bb?q=x%20y").header("X-A", "1").body("{}");
        let event: Value = serde_json::from_slice(&http_api(&request.build().unwrap()).unwrap()).unwrap();
        let of = |name: &str| event[name].as_str().unwrap();
        assert_eq!((of("rawPath"), of("rawQueryString"), of("body")), ("/a%2Bb", "q=x%20y", "{}"));
        assert_eq!(
            (event["headers"]["x-a"].as_str(), event["headers"]["host"].as_str()),
            (Some("1"), Some("127.0.0.1"))
        );
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
    }

    #[test]
    fn a_failure_is_seen() {
        for (answer, good) in [
            (r#"{"statusCode":200,"body":""}"#, true),
            (r#"{"statusCode":304}"#, true),
            (r#"{"statusCode":404,"body":""}"#, false),
            (r#"{"batchItemFailures":[]}"#, true),
            (r#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#, false),
            ("null", true),
            ("", false),
        ] {
            assert_eq!(succeeded(answer.as_bytes()), good, "{answer}");
        }
    }
}
