//! A server that answers as S3 does, for as long as a test runs.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

mod package;

/// How often the server is asked whether it is there, with a pause between.
const LOOKS: u32 = 600;
const PAUSE: Duration = Duration::from_millis(50);

/// A `moto` server on a free port of this machine, which stops when it is
/// dropped. It refuses a conditional PUT as S3 does.
///
/// It is a Python package, `moto[s3,server]`. Where python3 does not have it,
/// pip brings it once into a folder beside the test's own binary, as cargo
/// brought the crates; where that fails, the test fails.
///
/// ```no_run
/// let server = icecore_testkit::Moto::start()?;
/// server.create_bucket("lake")?;
/// println!("{}", server.endpoint());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Moto {
    server: Child,
    port: u16,
}

impl Moto {
    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// If Python is missing, or the package and it cannot be installed.
    pub fn start() -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let port_text = port.to_string();
        let server = package::python()?
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port_text])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| missing(&format!("python3 does not start: {source}")))?;
        let mut this = Self { server, port };
        for _ in 0..LOOKS {
            if let Some(status) = this.server.try_wait()? {
                return Err(missing(&format!("python3 -m moto.server ended: {status}")));
            }
            if this.request("GET", "/").is_ok() {
                return Ok(this);
            }
            std::thread::sleep(PAUSE);
        }
        Err(missing("python3 -m moto.server does not answer"))
    }

    /// Where it answers, for example `http://127.0.0.1:40321`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The settings of S3 that lead to it, by the names of `object_store`.
    pub fn settings(&self) -> [(&'static str, String); 5] {
        [
            ("endpoint", self.endpoint()),
            ("allow_http", "true".to_owned()),
            ("region", "us-east-1".to_owned()),
            ("access_key_id", "test".to_owned()),
            ("secret_access_key", "test".to_owned()),
        ]
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// If the server does not say that it did.
    pub fn create_bucket(&self, name: &str) -> Result<()> {
        let answer = self.request("PUT", &format!("/{name}"))?;
        match answer.split_whitespace().nth(1) {
            Some("200") => Ok(()),
            _ => Err(Error::other(format!("the bucket was not made bucket={name}: {answer}"))),
        }
    }

    /// Sends a request, and returns the answer with its head.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn send(
        &self,
        verb: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\n\
             Connection: close\r\n",
            self.port,
            body.len()
        )?;
        for (name, value) in headers {
            write!(stream, "{name}: {value}\r\n")?;
        }
        write!(stream, "\r\n{body}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn request(&self, verb: &str, path: &str) -> Result<String> {
        self.send(verb, path, &[], "")
    }

    /// Makes a queue of SQS that a bucket's notifications of new objects go
    /// to, and returns its URL.
    ///
    /// # Errors
    /// If the server does not say that it did.
    pub fn create_queue(&self, name: &str, bucket: &str) -> Result<String> {
        let scope = "AWS4-HMAC-SHA256 Credential=test/20130101/us-east-1/sqs/aws4_request, \
                     SignedHeaders=host, Signature=none";
        let headers = [
            ("Authorization", scope),
            ("Content-Type", "application/x-amz-json-1.0"),
            ("X-Amz-Target", "AmazonSQS.CreateQueue"),
        ];
        let made = self.send("POST", "/", &headers, &format!(r#"{{"QueueName":"{name}"}}"#))?;
        let configuration = format!(
            "<NotificationConfiguration><QueueConfiguration><Id>1</Id>\
             <Queue>arn:aws:sqs:us-east-1:123456789012:{name}</Queue>\
             <Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>"
        );
        let told = self.send("PUT", &format!("/{bucket}?notification"), &[], &configuration)?;
        for answer in [made, told] {
            if answer.split_whitespace().nth(1) != Some("200") {
                return Err(Error::other(format!("the queue was not made queue={name}: {answer}")));
            }
        }
        Ok(format!("{}/123456789012/{name}", self.endpoint()))
    }
}

fn missing(what: &str) -> Error {
    let message = format!("{what}; the tests of S3 need python3 and its package moto[s3,server]");
    Error::new(ErrorKind::NotFound, message)
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
