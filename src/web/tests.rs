//! The server over a real socket.

use super::*;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Default)]
struct Letterbox {
    got: Mutex<Vec<Delivery>>,
}

#[async_trait]
impl Intake for Letterbox {
    async fn deliver(&self, delivery: &Delivery) -> Delivered {
        self.got.lock().unwrap().push(delivery.clone());
        Delivered::json(202, "taken", "{}")
    }
}

struct Heart(Option<u64>, bool);

impl Vital for Heart {
    fn name(&self) -> String {
        "slack".to_owned()
    }
    fn heard_seconds_ago(&self) -> Option<u64> {
        self.0
    }
    fn is_ready(&self) -> bool {
        self.1
    }
}

struct Behind(anyhow::Result<u64>);

#[async_trait]
impl Lag for Behind {
    async fn lag_seconds(&self) -> anyhow::Result<u64> {
        self.0.as_ref().copied().map_err(|e| anyhow::anyhow!("{e}"))
    }
}

struct House {
    address: SocketAddr,
    intake: Arc<Letterbox>,
    stop: CancellationToken,
}

impl House {
    async fn new(ready: bool, lag: anyhow::Result<u64>) -> Self {
        let intake = Arc::new(Letterbox::default());
        let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = Served {
            intakes: vec![("/webhook/github".to_owned(), Arc::clone(&intake) as _)],
            vitals: vec![Arc::new(Heart(Some(3), ready))],
            lag: Arc::new(Behind(lag)),
            metrics: None,
        };
        tokio::spawn(serve(listener, served, stop.clone()));
        Self { address, intake, stop }
    }

    /// Sends bytes, and answers the status and the body.
    async fn ask(&self, request: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await
    }

    async fn post(&self, path: &str, length: usize, body: &[u8]) -> (u16, String) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Twice: a\r\nx-twice: b\r\nX-Once: c\r\nContent-Length: {length}\r\n\r\n"
        );
        self.ask(&[head.as_bytes(), body].concat()).await
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn a_delivery_is_handed_on_byte_for_byte() {
    let house = House::new(true, Ok(0)).await;
    let body = b"{\"a\": 1}\xff\x00";
    let (status, answer) = house.post("/webhook/github", body.len(), body).await;
    assert_eq!((status, answer.as_str()), (202, "{}"));
    let got = house.intake.got.lock().unwrap()[0].clone();
    assert_eq!((got.path.as_str(), got.body.as_slice()), ("/webhook/github", &body[..]));
    assert_eq!((got.header("x-once"), got.header("x-twice"), got.header("x-never")), (Some("c"), None, None));
}

#[tokio::test]
async fn what_is_too_large_or_goes_elsewhere_reaches_nobody() {
    let house = House::new(true, Ok(0)).await;
    let large = vec![b'x'; DELIVERY_MAX + 1];
    assert_eq!(house.post("/webhook/github", large.len(), &large).await.0, 413);
    let lying = b"POST /webhook/github HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = format!("{:x}\r\n", large.len());
    let chunked = [&lying[..], chunk.as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(house.ask(&chunked).await.0, 413);
    assert_eq!(house.post("/webhook/gitlab", 2, b"{}").await.0, 404);
    assert_eq!(house.get("/webhook/github").await.0, 405);
    assert!(house.intake.got.lock().unwrap().is_empty());
}

#[tokio::test]
async fn health_says_what_is_wrong() {
    let well = House::new(true, Ok(2)).await;
    assert_eq!(well.get("/healthz").await, (200, "ok\n".to_owned()));
    let (status, answer) = well.get("/readyz").await;
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        r#"{"ready":true,"lag_seconds":2,"parts":[{"name":"slack","ready":true,"heard_seconds_ago":3}]}"#
    );
    assert_eq!(well.get("/metrics").await.0, 404);
    assert_eq!(House::new(false, Ok(0)).await.get("/readyz").await.0, 503);
    assert_eq!(House::new(true, Ok(LAG_MAX + 1)).await.get("/readyz").await.0, 503);
    assert_eq!(House::new(true, Err(anyhow::anyhow!("the disk is gone"))).await.get("/readyz").await.0, 503);
}
