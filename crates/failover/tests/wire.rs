//! What is stored and sent comes back as it was: the engine writes it down and speaks it over the link.

use sqlite_replicate_failover::*;

const A: VoterId = VoterId::new(1);
const B: VoterId = VoterId::new(2);

fn membership() -> Membership {
    let setup = Setup { mode: Mode::Manual, hosts: [A, B], witnesses: Vec::new() };
    Membership { version: Version { term: Term::FIRST, number: 0, host: A }, stage: Stage::Settled(setup) }
}

#[test]
fn stored_state_and_messages_survive_being_written_down() {
    let opened = Opened::by_pairing(A, Position::default());
    let primary = Stored::paired(membership(), &opened, Tenure::Opened(opened.clone()));
    let stray = Stored::paired_with_stray(membership(), &opened, B);
    for stored in [primary, stray, Stored::blank()] {
        let text = serde_json::to_string(&stored).expect("stored state has no map with odd keys");
        assert_eq!(serde_json::from_str::<Stored>(&text).expect("just written"), stored);
    }
    let bodies = [
        Body::Store(opened.lineage().clone()),
        Body::HasStored(opened.epoch()),
        Body::Membership(Box::new(membership())),
    ];
    for body in bodies {
        let envelope = Envelope { from: A, to: B, pair: PairId::new(9), version: None, body };
        let text = serde_json::to_string(&envelope).expect("messages have no map with odd keys");
        assert_eq!(serde_json::from_str::<Envelope>(&text).expect("just written"), envelope);
    }
}

/// A host of a pair of its own, driven by hand: it starts fenced, and writes only once it may.
#[test]
fn a_host_starts_behind_the_fence_and_writes_after_the_peers_answer() {
    let opened = Opened::by_pairing(A, Position::default());
    let mut stored = Stored::paired(membership(), &opened, Tenure::Opened(opened.clone()));
    stored.clean = false;
    let id =
        Identity { me: A, pair: PairId::new(9), timing: Timing::default(), mutations: Mutations::default() };
    let at = |seconds: u64| Moment::from_micros(seconds * 1_000_000);
    let mut out = Vec::new();
    let mut host = Host::start(id, stored, 42, at(100), &mut out);
    assert_eq!(out.first(), Some(&Action::Begin(Task::Fence)), "the fence comes first");
    host.step(at(101), Event::Done(Done::Fenced), &mut out);
    host.step(at(120), Event::Tick, &mut out);
    assert_eq!(
        (host.gate(), host.permit(at(120))),
        (Gate::Closed, None),
        "after an unclean stop, time alone is no answer"
    );
    let hello = Hello {
        run: Run::default().next(),
        sent: at(5),
        heard: Some(host.stored().run),
        opened: opened.lineage().clone(),
        promised: Term::FIRST,
        role: Role::Standby,
        copy: None,
    };
    let version = host.stored().ballot.membership.as_ref().map(|membership| membership.version);
    let mut envelope = Envelope { from: B, to: A, pair: PairId::new(8), version, body: Body::Hello(hello) };
    host.step(at(121), Event::Message(envelope.clone()), &mut out);
    assert_eq!(host.permit(at(121)), None, "a word of another pair is refused");
    envelope.pair = PairId::new(9);
    host.step(at(122), Event::Message(envelope), &mut out);
    assert_eq!(host.gate(), Gate::Open);
    assert_eq!(out.last(), Some(&Action::Unfence));
}
