//! A headless Chromium, spoken to over its debugging pipe: messages of JSON that end with a NUL. The unit tests of
//! the audit's page use it, too.

#![allow(unreachable_pub, missing_docs, reason = "the suite and the unit tests both include this file")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

/// A browser with one page. It ends with this value.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Value,
    next: u64,
    /// What the page put into the console or asked for, and what its policy refused.
    pub said: Vec<String>,
    /// What the page loaded.
    pub loaded: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens the page in a file, on a screen of `width` points.
    pub fn open(file: &Path, width: u32, scheme: &str, media: &str) -> Self {
        let profile = tempfile::tempdir().expect("a profile");
        // The pipe is expected at 3 and 4. Without a sandbox of its own, because tests may run as root.
        let script = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
                      --remote-debugging-pipe --user-data-dir=\"$1\" 3<&0 4>&1 >/dev/null 2>&1";
        let mut child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromium; hint: `tests/run` installs all judges");
        let (to, from) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut browser = Self {
            child,
            to,
            from: BufReader::new(from),
            session: Value::Null,
            next: 0,
            said: Vec::new(),
            loaded: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].clone();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            browser.call(domain, &json!({}));
        }
        let screen = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        browser.call("Emulation.setDeviceMetricsOverride", &screen);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.call("Emulation.setEmulatedMedia", &json!({ "media": media, "features": features }));
        browser.send("Page.navigate", &json!({ "url": format!("file://{}", file.display()) }));
        while browser.message()["method"] != "Page.loadEventFired" {}
        browser
    }

    /// What an expression is worth on the page.
    pub fn value(&mut self, expression: &str) -> Value {
        let answer = self.call("Runtime.evaluate", &json!({ "expression": expression, "returnByValue": true }));
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The first `height` points of the page, as a PNG in base 64.
    pub fn picture(&mut self, width: u32, height: u32) -> String {
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let picture = self.call("Page.captureScreenshot", &json!({ "clip": clip, "captureBeyondViewport": true }));
        picture["data"].as_str().expect("a picture").to_owned()
    }

    /// Asks, and waits for the answer.
    fn call(&mut self, method: &str, params: &Value) -> Value {
        let id = self.send(method, params);
        loop {
            let message = self.message();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    fn send(&mut self, method: &str, params: &Value) -> u64 {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).expect("chromium listens");
        self.next
    }

    /// The next message; events are remembered.
    fn message(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).expect("chromium speaks");
        assert_eq!(bytes.pop(), Some(0), "chromium ended; is the Debian package `chromium` installed?");
        let message: Value = serde_json::from_slice(&bytes).expect("JSON");
        match message["method"].as_str().unwrap_or_default() {
            "Log.entryAdded" | "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" => {
                self.said.push(message["params"].to_string());
            }
            "Network.requestWillBeSent" => {
                self.loaded.push(message["params"]["request"]["url"].to_string());
            }
            _ => {}
        }
        message
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked to, it ends its own children as well.
        self.session = Value::Null;
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let _ = self.child.wait();
    }
}
