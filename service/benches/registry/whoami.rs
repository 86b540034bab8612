//! `whoami` of accounts that are in the cache, beside the web framework answering with the same bytes and nothing to think about.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};

use super::load::{self, Connection, Measured, Request};
use super::people::People;
use super::server::Server;

const CONCURRENCY: usize = 16;
const TARGET: f64 = 0.5;
const ACCOUNTS: usize = 64;
const PATH: &str = "/v1/accounts/whoami";

pub async fn run(directory: &Path, rounds: usize, window: Duration) {
    let server = Server::start(&directory.join("whoami")).await;
    let people = Arc::new(People::register(&server, ACCOUNTS).await);
    let (_, body) = Connection::open(server.http).await.send("GET", PATH, &people.authorization(0), "").await;
    let constant = Constant::start(&body);
    let (mut real, mut nothing) = (Measured::default(), Measured::default());
    for _ in 0..rounds {
        for (address, measured) in [(server.http, &mut real), (constant.address, &mut nothing)] {
            let people = people.clone();
            let request = move |n: usize| {
                let header = people.authorization(n);
                Some(Request { method: "GET", path: PATH.to_owned(), header, body: "".into(), expected: 200 })
            };
            *measured += load::run_at(address, CONCURRENCY, window, request).await;
        }
    }
    let ratio = real.per_second() / nothing.per_second();
    println!("\nwhoami per second at {CONCURRENCY}: from a warm cache / the web framework answering a constant");
    println!("  {:.0} / {:.0}, ratio {ratio:.2}; {} failed", real.per_second(), nothing.per_second(), real.failed);
    println!("     target ratio >= {TARGET}: {}", if ratio >= TARGET { "met" } else { "MISSED" });
}

/// This very program as a process of its own, answering a constant.
struct Constant {
    child: Child,
    address: SocketAddr,
}

pub const FLAG: &str = "--constant";

impl Constant {
    fn start(body: &str) -> Self {
        let this = std::env::current_exe().expect("this program has a path");
        let mut child =
            Command::new(this).args([FLAG, body]).stdout(Stdio::piped()).spawn().expect("this program starts again");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("it says where it listens");
        Self { child, address: line.trim().parse().expect("an address") }
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What that process does. It does not return.
pub fn serve(body: String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    let answer = web::Data::new(body);
    let app = move || {
        let answer = answer.clone();
        App::new().app_data(answer).route(PATH, web::get().to(constant))
    };
    let server = HttpServer::new(app).workers(2).listen(listener).expect("it listens").run();
    actix_rt::System::new().block_on(server).expect("it serves");
}

async fn constant(body: web::Data<String>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("content-type", "application/json")).body(body.as_str().to_owned())
}
