//! A TCP balancer: it copies bytes, and takes turns among the nodes that are ready and accept. It does not know what it carries.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signet_tests::Client;
use signet_tests::process::Serving;
use tokio::net::{TcpListener, TcpStream};

const ASKS_EVERY: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Http,
    Plain,
    Tls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balancing {
    /// Asks the nodes' management ports.
    ByReadiness,
    /// Asks nobody.
    Blind,
}

#[derive(Clone)]
pub struct Node {
    doors: [SocketAddr; 3],
    management: Client,
    ready: bool,
}

impl Node {
    pub fn of(serving: &Serving) -> Self {
        let address = |url: &str| url.trim_start_matches("http://").parse().unwrap();
        let management = address(&serving.client.management);
        let doors = [address(&serving.client.base), serving.plain.unwrap(), serving.tls.unwrap()];
        Self { doors, management: Client::new(management, management), ready: true }
    }
}

struct Nodes {
    all: Mutex<Vec<Node>>,
    turn: AtomicUsize,
}

pub struct Balancer {
    nodes: Arc<Nodes>,
    doors: [SocketAddr; 3],
}

impl Balancer {
    pub async fn start(nodes: Vec<Node>, balancing: Balancing) -> Self {
        let count = nodes.len();
        let nodes = Arc::new(Nodes { all: Mutex::new(nodes), turn: AtomicUsize::new(0) });
        if balancing == Balancing::ByReadiness {
            (0..count).for_each(|node| drop(tokio::spawn(ask(nodes.clone(), node))));
        }
        let mut doors = Vec::new();
        for door in [Door::Http, Door::Plain, Door::Tls] {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            doors.push(listener.local_addr().unwrap());
            tokio::spawn(accept(listener, door, nodes.clone()));
        }
        Self { nodes, doors: doors.try_into().unwrap() }
    }

    pub const fn address(&self, door: Door) -> SocketAddr {
        self.doors[door as usize]
    }

    /// In the place of the one before.
    pub fn put(&self, place: usize, node: Node) {
        self.nodes.all.lock().unwrap()[place] = node;
    }
}

async fn ask(nodes: Arc<Nodes>, place: usize) {
    loop {
        let asked = nodes.all.lock().unwrap()[place].management.clone();
        let ready = asked.try_send("GET", "/readyz", &[], "").await.is_ok_and(|answer| answer.status == 200);
        nodes.tell(place, &asked, ready);
        tokio::time::sleep(ASKS_EVERY).await;
    }
}

async fn accept(listener: TcpListener, door: Door, nodes: Arc<Nodes>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let nodes = nodes.clone();
        tokio::spawn(async move {
            if let Some(mut node) = nodes.connect(door).await {
                let _ = (client.set_nodelay(true), node.set_nodelay(true));
                let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await;
            }
        });
    }
}

impl Nodes {
    /// It may have been replaced since it was asked.
    fn tell(&self, place: usize, asked: &Client, ready: bool) {
        let node = &mut self.all.lock().unwrap()[place];
        if node.management.base == asked.base {
            node.ready = ready;
        }
    }

    /// The ready ones first, in turn, then the others; of those, whichever accepts.
    async fn connect(&self, door: Door) -> Option<TcpStream> {
        let mut all = self.all.lock().unwrap().clone();
        let count = all.len();
        all.rotate_left(self.turn.fetch_add(1, Ordering::SeqCst) % count);
        all.sort_by_key(|node| !node.ready);
        for node in all {
            if let Ok(stream) = TcpStream::connect(node.doors[door as usize]).await {
                return Some(stream);
            }
        }
        None
    }
}
