//! Serving the cloud until it is told to stop.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::watch;
use web::{Clock, Entropy, Until};

use crate::cloud::{Cloud, CloudConfig};
use crate::demo;
use crate::options::ServeOptions;

/// How often the loops look for work.
const TICK: Duration = Duration::from_millis(50);
/// How often the janitor's routine runs, in ticks.
const SWEEP_EVERY: u32 = 20;
/// How long it may take.
const SWEEP_FOR: SignedDuration = SignedDuration::from_secs(2);

/// Serves until Ctrl-C or SIGTERM; requests under way are finished.
///
/// # Errors
/// If the port is in use, the data folder cannot be written, or the demo fails.
pub async fn serve(options: &ServeOptions) -> anyhow::Result<()> {
    let (listener, base_url) = listen(options.port).await?;
    let cloud = Cloud::open(CloudConfig {
        data: options.data.clone(),
        base_url: base_url.clone(),
        clock: Clock::wall(),
        entropy: Entropy::system()?,
        redelivery_s: 1,
    })
    .await?;
    let ready = async {
        if !options.no_demo {
            demo::open(&cloud).await?;
        }
        demo::say(&format!("\nServing on {base_url} (stop with Ctrl-C)\n"));
        Ok(())
    };
    until_stopped(listener, cloud.service(), |stopped| run_loops(cloud.clone(), stopped), ready).await
}

/// Takes a port of 127.0.0.1, 0 for a free one; with the origin that is served there.
pub(crate) async fn listen(port: u16) -> anyhow::Result<(TcpListener, String)> {
    let address = format!("127.0.0.1:{port}");
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("{address} cannot be used; choose another with --port"))?;
    let base_url = format!("http://{}", listener.local_addr()?);
    Ok((listener, base_url))
}

/// Serves, with `loops` beside it, until Ctrl-C or SIGTERM; `ready` is run once both are there. Loops are told to stop,
/// and requests under way are finished.
pub(crate) async fn until_stopped<L: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    service: IntoMakeServiceWithConnectInfo<Router, SocketAddr>,
    loops: impl FnOnce(watch::Receiver<bool>) -> L,
    ready: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let server = axum::serve(listener, service).with_graceful_shutdown(until(stopped.clone()));
    #[expect(clippy::disallowed_methods, reason = "the local cloud owns its tasks, and waits for both below")]
    let (server, loops) = (tokio::spawn(server.into_future()), tokio::spawn(loops(stopped)));
    ready.await?;
    signalled().await?;
    demo::say("Stopping …\n");
    stop.send(true)?;
    loops.await?;
    server.await??;
    Ok(())
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Delivers webhooks, works the queue and sweeps until told to stop. A failure is logged, and the next tick tries again.
async fn run_loops(cloud: Cloud, stopped: watch::Receiver<bool>) {
    let mut ticks = 0_u32;
    while !*stopped.borrow() {
        let due = ticks.checked_rem(SWEEP_EVERY) == Some(0);
        if due && let Err(error) = cloud.sweep_until(&soon()).await {
            tracing::warn!(error = format!("{error:#}"), "sweep failed");
        }
        match cloud.step().await {
            Ok(0) => tokio::time::sleep(TICK).await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "queue or webhooks failed");
                tokio::time::sleep(TICK).await;
            }
        }
        ticks = ticks.wrapping_add(1);
    }
}

/// A batch of codes is long: webhooks and the queue are looked at in between.
fn soon() -> Until {
    let clock = Clock::wall();
    let at = clock.now().saturating_add(SWEEP_FOR).unwrap_or(Timestamp::MAX);
    Until::new(clock, at)
}

async fn signalled() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
