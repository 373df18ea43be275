//! Letters given up.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::dlq::{
    DeadLetterAdmin, DeadLetterError, Selection,
    audit::{Act, ActKind},
    command::Discard,
    letter::DeadLetterState,
    report::{Outcome, Report, Treated},
    scan::Picked,
};

pub(super) async fn discard(
    house: &DeadLetterAdmin,
    selection: &Selection,
    orders: &Discard,
) -> Result<Report, DeadLetterError> {
    let reader = house.reader()?;
    let mut report = Report::new(orders.id, orders.dry_run);
    for place in selection.partitions(&reader).await? {
        let left = orders.limit - report.letters.len();
        let survey = selection.survey(&reader, &place, left).await?;
        let mut span = survey.span();
        while let Some(picked) = survey.next(&reader, &mut span).await? {
            discard_some(house, orders, &place, picked, &mut report).await;
            if report.interrupted.is_some() {
                return Ok(report);
            }
        }
        if report.letters.len() >= orders.limit {
            let last = report.letters.last();
            report.next = last.map(|treated| treated.letter.place.clone());
            break;
        }
    }
    Ok(report)
}

async fn discard_some(
    house: &DeadLetterAdmin,
    orders: &Discard,
    place: &(String, i32),
    picked: Vec<Picked>,
    report: &mut Report,
) {
    let (mut treated, mut acts) = (Vec::new(), Vec::new());
    for Picked { letter, logged } in picked {
        let state = letter.state;
        let outcome = if state == DeadLetterState::Open {
            let act = act(orders, report.id, place, &letter.place);
            acts.push((treated.len(), act, logged.key.map(|key| key.to_vec())));
            Outcome::Done
        } else {
            Outcome::NotOpen { state }
        };
        treated.push(Treated {
            letter,
            to: None,
            group: None,
            outcome,
        });
    }
    if !orders.dry_run {
        let (indices, records): (Vec<usize>, Vec<_>) = acts
            .into_iter()
            .map(|(index, act, key)| (index, (act, key)))
            .unzip();
        let results = house.record_acts(place, records).await;
        for (index, result) in indices.into_iter().zip(results) {
            if let Err(error) = result {
                let error = error.to_string();
                report.interrupted.get_or_insert_with(|| error.clone());
                treated[index].outcome = Outcome::Unsure { error };
            }
        }
    }
    report.letters.extend(treated);
}

fn act(
    orders: &Discard,
    id: Uuid,
    (topic, partition): &(String, i32),
    letter: &crate::dlq::DeadLetterLocation,
) -> Act {
    Act {
        id,
        kind: ActKind::Discarded,
        partition: format!("{topic}/{partition}"),
        letter: Some(letter.clone()),
        by: orders.by.clone(),
        at: OffsetDateTime::now_utc(),
        reason: Some(orders.reason.clone()),
        group: None,
        filter: None,
        letters: None,
    }
}
