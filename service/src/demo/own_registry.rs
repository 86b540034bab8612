//! A registry for the time of a demo: on free ports, in a directory that is removed afterwards.

use std::error::Error;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;

use signet_config::{Config, Door};
use signet_storage::World;
use signet_storage::chance::Chance;
use tokio::sync::oneshot;

use crate::Application;

pub struct OwnRegistry {
    pub url: String,
    pub management: String,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<(), String>>,
    directory: PathBuf,
}

impl OwnRegistry {
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let name = format!("signet-demo-{}", hex::encode(Chance::system().bytes::<6>()));
        let directory = std::env::temp_dir().join(name);
        let mut config = Config::parse("")?;
        config.storage.path.clone_from(&directory);
        config.server.tls = Door::Off;
        (config.server.http, config.server.management) = (([127, 0, 0, 1], 0).into(), ([127, 0, 0, 1], 0).into());
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async {
                let application = Application::build(&config, World::real()).await.map_err(|e| e.to_string())?;
                let addresses = application.addresses();
                let urls = [addresses.http, addresses.management].map(|a| format!("http://{a}"));
                let _ = tell.send(urls);
                let stopped = async { drop(stopped.await) };
                application.run_until(stopped).await.map_err(|e| e.to_string())
            })
        });
        match told.recv() {
            Ok([url, management]) => Ok(Self { url, management, stop, thread, directory }),
            // It ended before it could say where it listens; it says why.
            Err(_) => Err(thread.join().map_err(|_| "the registry panicked")?.err().unwrap_or_default().into()),
        }
    }

    pub fn stop(self) -> Result<(), Box<dyn Error>> {
        let _ = self.stop.send(());
        self.thread.join().map_err(|_| "the registry panicked")??;
        std::fs::remove_dir_all(&self.directory)?;
        Ok(())
    }
}
