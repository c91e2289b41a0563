//! The desk over the use cases: what the screens ask is done by the app, and what comes of it is told to the screens.
//! Requests are taken in order here; the session's are done in `seat`, lists are made in `shelf`, times are worded in `words`.

mod seat;
mod shelf;
mod words;

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::desk::{Desk, Replies, Request};
use crate::app::Origin;
use crate::app::home::Home;
use seat::Seat;

/// The room's desk.
pub struct Room {
    asked: UnboundedSender<(Request, Replies)>,
    seat: Arc<Seat>,
    worker: JoinHandle<()>,
}

impl Room {
    /// A desk whose tasks are laid on clusters of an origin.
    pub fn open(home: Home, origin: Origin) -> Self {
        let seat = Arc::new(Seat::new(home, origin));
        let (asked, mut requests) = unbounded_channel();
        let worker = tokio::spawn({
            let seat = seat.clone();
            async move {
                while let Some((request, replies)) = requests.recv().await {
                    Seat::take(&seat, request, replies).await;
                }
            }
        });
        Self { asked, seat, worker }
    }

    /// Ends what is open: a practice is over, an exam goes on when it is opened again.
    pub async fn close(&self) {
        self.worker.abort();
        self.seat.leave().await;
    }
}

impl Desk for Room {
    fn ask(&self, request: Request, replies: Replies) {
        let _ = self.asked.send((request, replies));
    }
}
