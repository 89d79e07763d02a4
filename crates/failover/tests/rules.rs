//! Clauses that are small enough to be tried completely, and the judgements behind the rules, one by one.

use sqlite_replicate_failover::*;
use std::time::Duration;

const A: VoterId = VoterId::new(1);
const B: VoterId = VoterId::new(2);
const W: VoterId = VoterId::new(3);

fn epoch(term: u64, host: VoterId) -> EpochId {
    EpochId { term: Term::new(term), number: EpochNumber::FIRST, host }
}

fn line(epochs: &[EpochId]) -> Lineage {
    let mut parent = None;
    let openings = epochs.iter().map(|epoch| {
        let base = Base { epoch: parent, position: Position::default() };
        let opening = Opening { epoch: *epoch, parent, base, reason: Reason::Vote };
        parent = Some(*epoch);
        opening
    });
    openings.collect::<Vec<_>>().into()
}

fn setup(mode: Mode, witnesses: &[VoterId]) -> Setup {
    Setup { mode, hosts: [A, B], witnesses: witnesses.to_vec() }
}

fn membership(mode: Mode, witnesses: &[VoterId]) -> Membership {
    let version = Version { term: Term::FIRST, number: 0, host: A };
    Membership { version, stage: Stage::Settled(setup(mode, witnesses)) }
}

/// Rule 7: every combination of what both sides can say, with either epoch the greater one.
#[test]
fn a_contest_is_decided_for_every_pair_of_facts_and_alike_on_both_sides() {
    let bits = [false, true];
    let mut seen = 0;
    let sides = || {
        bits.into_iter().flat_map(move |wrote| {
            bits.into_iter()
                .flat_map(move |person| bits.into_iter().map(move |chosen| (wrote, person, chosen)))
        })
    };
    for (mine, theirs) in [
        (epoch(2, A), epoch(2, B)),
        (epoch(2, B), epoch(2, A)),
        (epoch(3, A), epoch(2, B)),
        (epoch(2, A), epoch(3, B)),
    ] {
        for a in sides() {
            for b in sides() {
                let facts = |epoch, against, (wrote, by_person, chosen)| Facts {
                    epoch,
                    against,
                    wrote,
                    by_person,
                    chosen,
                };
                let (left, right) = (facts(mine, theirs, a), facts(theirs, mine, b));
                let (here, there) = (
                    decide(&left, &right, &Mutations::default()),
                    decide(&right, &left, &Mutations::default()),
                );
                let mirrored = match here {
                    Verdict::Mine => Verdict::Theirs,
                    Verdict::Theirs => Verdict::Mine,
                    Verdict::Unresolved => Verdict::Unresolved,
                };
                assert_eq!(there, mirrored, "{left:?} against {right:?}");
                assert_eq!(here, expected(&left, &right), "{left:?} against {right:?}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 4 * 8 * 8);
}

/// Rule 7 in the order of its sentences, written down apart from the code that decides.
fn expected(mine: &Facts, theirs: &Facts) -> Verdict {
    let win = |mine| if mine { Verdict::Mine } else { Verdict::Theirs };
    if mine.chosen != theirs.chosen {
        win(mine.chosen)
    } else if mine.wrote != theirs.wrote {
        win(mine.wrote)
    } else if !mine.wrote {
        win(mine.epoch > theirs.epoch)
    } else if mine.by_person != theirs.by_person {
        win(mine.by_person)
    } else {
        Verdict::Unresolved
    }
}

/// What a contested host concludes never turns against it when the other side writes or a person chooses there.
#[test]
fn a_lost_contest_stays_lost_when_the_other_side_goes_on() {
    for mine in 0..8_u8 {
        for theirs in 0..8_u8 {
            let side = |epoch, against, bits: u8| Facts {
                epoch,
                against,
                wrote: bits & 1 != 0,
                by_person: bits & 2 != 0,
                chosen: bits & 4 != 0,
            };
            let left = side(epoch(2, A), epoch(2, B), mine);
            let right = side(epoch(2, B), epoch(2, A), theirs);
            if decide(&left, &right, &Mutations::default()) == Verdict::Theirs {
                for later in [Facts { wrote: true, ..right }, Facts { chosen: true, ..right }] {
                    let again = decide(&left, &later, &Mutations::default());
                    assert_eq!(again, Verdict::Theirs, "{left:?} against {right:?}, then {later:?}");
                }
            }
        }
    }
}

/// Rule 1: a holder on the slowest clock is fenced before a voter on the fastest clock lends to another.
#[test]
fn the_margin_covers_clocks_of_nine_and_eleven_tenths() {
    let Timing { lease, margin, fence, .. } = Timing::default();
    let writes_until = (lease - margin + fence).as_secs_f64() / 0.9;
    let lent_until = lease.as_secs_f64() / 1.1;
    assert!(writes_until < lent_until, "{writes_until} s against {lent_until} s");
    let without = (lease + fence).as_secs_f64() / 0.9;
    assert!(without > lent_until, "without the margin there would be two writers");
}

#[test]
fn lineage_is_compared_not_numbers() {
    let (one, two, other) = (epoch(1, A), epoch(2, B), epoch(9, A));
    let parent = line(&[one]);
    let child = line(&[one, two]);
    let fork = line(&[one, other]);
    assert_eq!(parent.relation(&child), Relation::Behind);
    assert_eq!(child.relation(&parent), Relation::Ahead);
    assert_eq!(child.relation(&fork), Relation::Apart, "a higher term contains nothing by being higher");
    assert_eq!(child.relation(&child), Relation::Same);
    assert_eq!(Lineage::empty().relation(&parent), Relation::Behind);
    assert_eq!(child.successor(one).map(|opening| opening.epoch), Some(two));
}

#[test]
fn a_line_forgets_its_oldest_epochs_and_then_errs_on_the_side_of_a_fork() {
    let mut long = Lineage::empty();
    for term in 1..=200 {
        let parent = long.tip_epoch();
        let base = Base { epoch: parent, position: Position::default() };
        long = long.with(Opening { epoch: epoch(term, A), parent, base, reason: Reason::Vote });
    }
    assert_eq!(long.openings().len(), Lineage::REMEMBERED);
    assert!(!long.contains(epoch(1, A)));
    assert_eq!(line(&[epoch(1, A)]).relation(&long), Relation::Apart);
}

/// Rule 3, by counting: who decides with which votes.
#[test]
fn majorities_of_two_three_and_of_both_setups_of_a_change() {
    let two = membership(Mode::Manual, &[]);
    assert!(two.agreed(&[A, B], false));
    assert!(!two.agreed(&[A], false), "of two voters a majority is both");
    assert!(two.agreed(&[A], true), "a person stands in for the missing vote");
    assert!(!two.agreed(&[W], true), "but not for both");
    let three = membership(Mode::Automatic, &[W]);
    assert!(three.agreed(&[A, W], false));
    assert!(!three.agreed(&[A], true), "nothing stands in for a vote where a witness votes");
    let change =
        two.proposing(setup(Mode::Automatic, &[W]), Term::FIRST, A).expect("a settled setup can be changed");
    assert!(!change.agreed(&[A, W], false), "the old setup wants both hosts");
    assert!(change.agreed(&[A, B], false), "which are two of the three of the new one");
    assert!(change.needs_leases(), "the stricter of both holds");
    assert!(!change.takes_over_by_checks());
    assert!(!change.may_settle(&[A, W]) && !change.may_settle(&[A, B]) && change.may_settle(&[A, B, W]));
    assert!(change.settling(Term::FIRST, A).version > change.version);
    assert!(change.stamped(Term::new(2), B).version > change.settling(Term::FIRST, A).version);
    assert_eq!(change.proposing(setup(Mode::Manual, &[]), Term::FIRST, A), None, "one change at a time");
}

#[test]
fn setups_that_can_end_in_a_draw_are_refused() {
    assert_eq!(setup(Mode::Automatic, &[]).check(), Err(SetupError::EvenVoters));
    assert_eq!(setup(Mode::Manual, &[W]).check(), Err(SetupError::WitnessWithoutVote));
    assert_eq!(setup(Mode::Automatic, &[A]).check(), Err(SetupError::NamedTwice));
    assert_eq!(setup(Mode::Automatic, &[W]).check(), Ok(()));
}

/// A voter three hours after its start, in mode `automatic`, that knows 1.1-A as opened and promised term 1 to A.
fn voter() -> (Ballot, Lending, Moment) {
    let now = Moment::from_micros(10_000_000_000);
    let ballot = Ballot {
        promised: Some(Promise { term: Term::new(1), to: A }),
        opened: line(&[epoch(1, A)]),
        recorded: None,
        membership: Some(membership(Mode::Automatic, &[W])),
    };
    (ballot, Lending::starting(Moment::from_micros(0), &Timing::default(), &Mutations::default()), now)
}

fn ask(term: u64, parent: &[EpochId]) -> Ask {
    Ask { kind: AskKind::Claim, term: Term::new(term), parent: line(parent), waived: false }
}

fn judged(
    ballot: &Ballot,
    lending: &Lending,
    claimant: VoterId,
    ask: &Ask,
    now: Moment,
) -> Result<(), Refusal> {
    let version = Version { term: Term::FIRST, number: 0, host: A };
    let claim = Claim { me: W, claimant, version, ask, now, mutations: &Mutations::default() };
    ballot.judge(lending, &claim).map(drop)
}

/// Rule 2, clause by clause.
#[test]
fn a_voter_promises_only_what_rule_two_allows() {
    let (ballot, lending, now) = voter();
    let known = [epoch(1, A)];
    let judge = |claimant, ask: &Ask| judged(&ballot, &lending, claimant, ask, now);
    assert_eq!(judge(B, &ask(2, &known)), Ok(()));
    assert_eq!(judge(B, &ask(1, &known)), Err(Refusal::Promised), "promised to another");
    assert_eq!(judge(A, &ask(1, &known)), Ok(()), "a renewal");
    assert_eq!(judge(B, &ask(2, &[])), Err(Refusal::Behind));
    assert_eq!(judge(B, &Ask { waived: true, ..ask(2, &[]) }), Ok(()), "a person may waive the line");
    assert_eq!(judge(VoterId::new(9), &ask(2, &known)), Err(Refusal::NoVote));
}

#[test]
fn a_lease_to_one_bars_the_others_until_it_ends_or_is_released() {
    let (ballot, mut lending, now) = voter();
    let (timing, none) = (Timing::default(), Mutations::default());
    let claim = ask(2, &[epoch(1, A)]);
    lending.lend(Promise { term: Term::new(1), to: A }, now, &timing);
    assert_eq!(judged(&ballot, &lending, B, &claim, now), Err(Refusal::Leased));
    assert_eq!(judged(&ballot, &lending, B, &claim, now.after(timing.lease)), Ok(()));
    lending.release(A, Term::new(7), B, &none);
    assert_eq!(
        judged(&ballot, &lending, B, &claim, now),
        Err(Refusal::Leased),
        "a word about another term frees nothing"
    );
    lending.release(A, Term::new(1), B, &none);
    assert_eq!(judged(&ballot, &lending, B, &claim, now), Ok(()));
}

#[test]
fn after_its_start_a_voter_lends_only_to_whom_it_promised_last() {
    let (ballot, _, now) = voter();
    let timing = Timing::default();
    let lending = Lending::starting(now, &timing, &Mutations::default());
    let known = [epoch(1, A)];
    assert_eq!(judged(&ballot, &lending, B, &ask(2, &known), now), Err(Refusal::Quiet));
    assert_eq!(judged(&ballot, &lending, A, &ask(2, &known), now), Ok(()));
    assert_eq!(judged(&ballot, &lending, B, &ask(2, &known), now.after(timing.lease)), Ok(()));
}

/// The mended rule 2: what only the claimant could have written, and did not, bars nobody but the others.
#[test]
fn an_epoch_that_its_own_host_took_back_bars_the_others_only() {
    let (mut ballot, lending, now) = voter();
    ballot.recorded = Some(line(&[epoch(1, A), epoch(2, B)]));
    ballot.promised = Some(Promise { term: Term::new(2), to: B });
    let known = [epoch(1, A)];
    assert_eq!(judged(&ballot, &lending, A, &ask(3, &known), now), Err(Refusal::Behind));
    assert_eq!(judged(&ballot, &lending, B, &ask(3, &known), now), Ok(()));
    assert_eq!(
        judged(&ballot, &lending, B, &ask(3, &[]), now),
        Err(Refusal::Behind),
        "the rest of the line still counts"
    );
}

/// Rule 4: an opening is stored only for the holder of the last promise.
#[test]
fn an_opening_of_an_overtaken_claim_is_not_stored() {
    let (mut ballot, ..) = voter();
    let opening = line(&[epoch(1, A), epoch(2, B)]);
    let none = Mutations::default();
    ballot.promised = Some(Promise { term: Term::new(2), to: B });
    assert!(ballot.may_record(&opening, B, &none));
    assert!(!ballot.may_record(&opening, A, &none), "another's epoch");
    ballot.promised = Some(Promise { term: Term::new(3), to: A });
    assert!(!ballot.may_record(&opening, B, &none), "a later term is promised");
}

#[test]
fn leases_count_from_the_request_and_need_the_own_vote() {
    let three = membership(Mode::Automatic, &[W]);
    let (lease, term) = (Duration::from_secs(5), Term::new(2));
    let at = |seconds: u64| Moment::from_micros(seconds * 1_000_000);
    let mut leases = Leases::default();
    leases.note(W, term, at(10), lease);
    leases.note(B, term, at(12), lease);
    assert_eq!(leases.majority_until(term, A, &three), None, "the own vote is missing");
    leases.note(A, term, at(11), lease);
    assert_eq!(
        leases.majority_until(term, A, &three),
        Some(at(16)),
        "two of three last until the second newest ends"
    );
    assert_eq!(leases.majority_until(Term::new(3), A, &three), None, "leases belong to a term");
    leases.void();
    assert_eq!(leases.majority_until(term, A, &three), None);
}
