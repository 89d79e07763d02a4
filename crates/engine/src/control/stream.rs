//! Server-sent events out of a watched value: the present one at once, then each later one, the last one for certain.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;

/// How often an idle stream says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What is streamed.
pub(crate) struct Kind<T> {
    /// The name of each event.
    pub(crate) name: &'static str,
    /// Whether nothing comes after this value.
    pub(crate) last: fn(&T) -> bool,
    /// An event's data.
    pub(crate) json: fn(&T) -> serde_json::Result<String>,
}

struct Following<T> {
    values: watch::Receiver<T>,
    ending: watch::Receiver<bool>,
    begun: bool,
    over: bool,
}

/// A stream of events. It ends with the last value, when nobody can send another one, or when the server ends.
pub(crate) fn follow<T>(
    values: watch::Receiver<T>,
    ending: watch::Receiver<bool>,
    kind: Kind<T>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>>
where
    T: Clone + Send + Sync + 'static,
{
    let start = (Following { values, ending, begun: false, over: false }, kind);
    let events = unfold(start, |(mut following, kind)| async move {
        let value = next(&mut following).await?;
        following.over |= (kind.last)(&value);
        Some((Ok(event(&kind, &value)), (following, kind)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

async fn next<T: Clone>(following: &mut Following<T>) -> Option<T> {
    if following.over {
        return None;
    }
    if following.begun {
        tokio::select! {
            // First, so that what happened before the end is still told.
            biased;
            changed = following.values.changed() => changed.ok()?,
            _ = following.ending.wait_for(|ending| *ending) => return None,
        }
    }
    following.begun = true;
    Some(following.values.borrow_and_update().clone())
}

fn event<T>(kind: &Kind<T>, value: &T) -> Event {
    match (kind.json)(value) {
        Ok(json) => Event::default().event(kind.name).data(json),
        Err(error) => {
            tracing::error!(%error, name = kind.name, "an event could not be written");
            Event::default().comment("an event could not be written")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_word_comes_before_the_end_whichever_is_seen_first() {
        // Often enough to meet either order, if the order were left to chance.
        for _ in 0..64 {
            let (values, watched) = watch::channel(1);
            let (end, ending) = watch::channel(false);
            let mut following = Following { values: watched, ending, begun: false, over: false };
            assert_eq!(next(&mut following).await, Some(1));
            values.send_replace(2);
            end.send_replace(true);
            assert_eq!(next(&mut following).await, Some(2));
            assert_eq!(next(&mut following).await, None);
        }
    }
}
