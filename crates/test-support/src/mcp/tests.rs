//! The server over HTTP behaves as its users' tests expect.

use serde_json::json;

use super::HttpMcpServer;
use crate::issuer::browser;

fn post(server: &HttpMcpServer, headers: &str, body: &serde_json::Value) -> browser::Page {
    let port = server.origin().rsplit(':').next().unwrap().parse().unwrap();
    let body = body.to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    browser::send(port, &request).unwrap()
}

#[test]
fn sessions_begin_and_expire() {
    let server = HttpMcpServer::start();
    server.answer_with_events();
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}});
    let page = post(&server, "", &hello);
    assert_eq!((page.status, page.header("mcp-session-id")), (200, Some("session-1")));
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    assert!(post(&server, "Mcp-Session-Id: session-1\r\n", &list).body.contains("count"));
    server.expire_sessions();
    assert_eq!(post(&server, "Mcp-Session-Id: session-1\r\n", &list).status, 404);
    server.require_sign_in();
    assert_eq!(post(&server, "", &hello).status, 401);
    server.accept_token("t");
    assert_eq!(post(&server, "Authorization: Bearer t\r\n", &hello).status, 200);
}
