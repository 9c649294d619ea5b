//! A browser that a test drives: Chromium without a window, by its DevTools protocol over a pipe, as a person's mouse and keys.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What an answer takes at most, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(180);

/// Programs that it may be.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser with one page.
pub(crate) struct Browser {
    process: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: String,
    calls: u64,
    /// Exceptions, and errors and warnings of the console.
    troubles: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it; None where there is none. Where everything must be tested, there is.
    pub(crate) fn start() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<_> = std::env::split_paths(&path).collect();
        let found =
            PROGRAMS.iter().flat_map(|name| folders.iter().map(move |dir| dir.join(name))).find(|p| p.is_file());
        let Some(program) = found else {
            let ci = std::env::var("CI").is_ok_and(|v| v == "true");
            assert!(!ci, "no Chromium: run `cargo xtask setup --chromium`");
            eprintln!("skipped: no Chromium, so that no page is opened");
            return None;
        };
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("sh");
        // The pipe is what the browser has as files 3 and 4.
        command.args(["-c", r#"exec "$@" 3<&0 4>&1 >/dev/null 2>&1"#, "sh"]).arg(program).args([
            "--headless=new",
            "--no-sandbox",
            "--remote-debugging-pipe",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--no-first-run",
            "--hide-scrollbars",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Chromium starts");
        let (to, from) = (process.stdin.take().expect("a pipe"), process.stdout.take().expect("a pipe"));
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(from).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { break };
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut this = Self {
            process,
            to,
            from: receiver,
            session: String::new(),
            calls: 0,
            troubles: Vec::new(),
            _profile: profile,
        };
        let targets = this.call("Target.getTargets", json!({}));
        let all = targets["targetInfos"].as_array().expect("targets");
        let page = all.iter().find(|t| t["type"] == "page").expect("a page")["targetId"].clone();
        let session = this.call("Target.attachToTarget", json!({"targetId": page, "flatten": true}));
        session["sessionId"].as_str().expect("a session").clone_into(&mut this.session);
        for domain in ["Page", "Runtime", "Log"] {
            this.call(&format!("{domain}.enable"), json!({}));
        }
        Some(this)
    }

    /// A method of the protocol.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let mut message = json!({"id": self.calls, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).expect("the browser is there");
        let start = Instant::now();
        loop {
            let answer = match self.from.recv_timeout(LIMIT.saturating_sub(start.elapsed())) {
                Ok(answer) => answer,
                Err(RecvTimeoutError::Timeout) => panic!("{method}: no answer"),
                Err(RecvTimeoutError::Disconnected) => panic!("{method}: the browser has ended"),
            };
            if answer["id"] == self.calls {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.note(&answer);
        }
    }

    fn note(&mut self, event: &Value) {
        let parameters = &event["params"];
        let trouble = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                matches!(parameters["type"].as_str(), Some("error" | "warning" | "assert"))
            }
            Some("Log.entryAdded") => matches!(parameters["entry"]["level"].as_str(), Some("error" | "warning")),
            _ => false,
        };
        if trouble {
            self.troubles.push(parameters.to_string());
        }
    }

    /// What an expression of JavaScript comes to.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Opens a file, and waits until an expression is true.
    #[track_caller]
    pub(crate) fn open(&mut self, file: &Path, until: &str) {
        self.call("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        self.wait(until);
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait(&mut self, until: &str) {
        let start = Instant::now();
        while self.value(&format!("Boolean({until})")) != json!(true) {
            assert!(start.elapsed() < LIMIT, "{until}: not so; {:?}", self.troubles);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The size of the page, px; a narrow one is a phone's.
    pub(crate) fn resize(&mut self, width: usize, height: usize) {
        let phone = width < 600;
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.call("Emulation.setDeviceMetricsOverride", size);
        self.call("Emulation.setTouchEmulationEnabled", json!({"enabled": phone}));
    }

    /// A feature of media, such as `prefers-color-scheme`.
    pub(crate) fn prefer(&mut self, feature: &str, value: &str) {
        self.call("Emulation.setEmulatedMedia", json!({"features": [{"name": feature, "value": value}]}));
    }

    /// Presses the mouse at a place, moves it along others, and lets go.
    pub(crate) fn drag(&mut self, along: &[[f64; 2]]) {
        let mut mouse = |kind: &str, [x, y]: [f64; 2], held: bool| {
            let button =
                json!({"type": kind, "x": x, "y": y, "button": if held { "left" } else { "none" }, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", button);
        };
        mouse("mouseMoved", along[0], false);
        mouse("mousePressed", along[0], true);
        along[1..].iter().for_each(|at| mouse("mouseMoved", *at, true));
        mouse("mouseReleased", along[along.len() - 1], true);
    }

    /// Clicks.
    pub(crate) fn click(&mut self, at: [f64; 2]) {
        self.drag(&[at]);
    }

    /// Touches.
    pub(crate) fn tap(&mut self, [x, y]: [f64; 2]) {
        self.call("Input.dispatchTouchEvent", json!({"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}));
        self.call("Input.dispatchTouchEvent", json!({"type": "touchEnd", "touchPoints": []}));
    }

    /// The middle of the element that an expression gives, px.
    #[track_caller]
    pub(crate) fn middle(&mut self, element: &str) -> [f64; 2] {
        let expression = format!(
            "(() => {{ const e = {element}; e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
        );
        serde_json::from_value(self.value(&expression)).expect("a place")
    }

    /// Presses a key: its name, such as `ArrowLeft`, or a letter.
    pub(crate) fn key(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let code = match key {
                "Tab" => 9,
                "Enter" => 13,
                _ => 0,
            };
            let mut event = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
            if key.chars().count() == 1 || key == "Enter" {
                event["text"] = json!(if key == "Enter" { "\r" } else { key });
            }
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Nothing was wrong so far.
    #[track_caller]
    pub(crate) fn is_content(&mut self) {
        // What has happened is told before the answer.
        self.value("0");
        assert!(self.troubles.is_empty(), "{:?}", self.troubles);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The shell has become the browser, whose helpers end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
