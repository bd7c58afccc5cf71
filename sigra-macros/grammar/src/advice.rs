//! What to say about a word that is no key where it stands.

use std::ptr;

use crate::attr::{Mentions, Place, everywhere};
use crate::error::{Code, Message};
use crate::keys::{self, Key};
use crate::rules::reading;
use crate::words;

/// The message for any such word. The key that was likely meant counts as mentioned.
pub(crate) fn unknown(here: Place, word: &str, mentions: &Mentions) -> Message {
    explain(here, word, mentions)
        .or_else(|| if matches!(here, Place::Struct) { words::answer_inside_password(word) } else { None })
        .unwrap_or_else(|| nearest(here, word, mentions))
}

/// What there is to say about a word that somebody was expected to try.
pub(crate) fn explain(here: Place, word: &str, mentions: &Mentions) -> Option<Message> {
    let answer = |(place, key): (Place, &'static Key)| Some((place, key, key.answer(word)?));
    // What a word stands for here comes before what is said about it in general, and that before other places. In a list that
    // holds for keys of other lists as well: the `within` of one is the `wait` of another.
    let stands_for = here.keys().iter().find_map(|key| answer((here, *key)));
    if matches!(here, Place::Inside(list) if list.name == keys::PASSWORD.name)
        && stands_for.is_none()
        && let Some(message) = words::answer_inside_password(word)
    {
        return Some(message);
    }
    if !(here.is_list() && stands_for.is_some())
        && let Some(message) = misplaced(here, word, mentions)
    {
        return Some(message);
    }
    let (place, key, help) = match stands_for {
        Some(found) => found,
        None => match here.answer(word) {
            Some(message) => return Some(message),
            // Other lists have words of their own: `wait` in one is no advice in another.
            None => {
                everywhere(here).filter(|(place, _)| !(here.is_list() && place.is_list())).find_map(answer)?
            }
        },
    };
    mentions.add(key);
    let message = no_such_key(reading::OTHER_WORD, here, word);
    Some(if help.is_empty() { message.help(advice(here, place, key)) } else { message.help(help) })
}

/// A key that goes elsewhere.
fn misplaced(here: Place, word: &str, mentions: &Mentions) -> Option<Message> {
    let elsewhere: Vec<_> = everywhere(here).filter(|(_, key)| key.name == word).collect();
    let (first, key) = *elsewhere.first()?;
    mentions.add_name(here, word);
    let places: Vec<_> = elsewhere.iter().map(|(place, _)| place.to_string()).collect();
    let what = format!("`{word}` goes {}, not {here}", places.join(" or "));
    let message = reading::MISPLACED.says(what);
    Some(message.help(advice(here, first, key)))
}

/// A slip of the finger, or a word of the writer's own.
fn nearest(here: Place, word: &str, mentions: &Mentions) -> Message {
    let scored = here.keys().iter().map(|key| (strsim::jaro_winkler(key.name, word), *key));
    let near = scored.filter(|(score, _)| *score > 0.8).max_by(|(a, _), (b, _)| a.total_cmp(b));
    let message = no_such_key(reading::UNKNOWN_KEY, here, word);
    if let Some((_, key)) = near {
        mentions.add(key);
        return message.help(format_args!("did you mean `{}`?", key.name));
    }
    let names: Vec<_> = here.keys().iter().map(|key| format!("`{}`", key.name)).collect();
    message.help(format_args!("leave it out: the keys here are {}", names.join(", ")))
}

fn no_such_key(code: Code, here: Place, word: &str) -> Message {
    code.says(match here {
        Place::Inside(list) => format!("there is no key `{word}` inside `{}(..)`", list.name),
        _ => format!("there is no `#[sigra(..)]` key `{word}`"),
    })
}

impl Place {
    /// What there is to say about a word that is no key and stands for none.
    fn answer(self, word: &str) -> Option<Message> {
        if self.is_user() {
            words::answer(word, |code| no_such_key(code, self, word))
        } else if matches!(self, Self::Detail) && word == keys::event::EVENT.name {
            let message = reading::NAMED_DETAIL.says("what stands inside an event has no name of its own");
            Some(message.help("leave it out, or derive `AuditEvent`"))
        } else {
            words::answer_event(word)
        }
    }
}

/// What to write for a key, and where, if that is elsewhere.
fn advice(here: Place, there: Place, key: &Key) -> String {
    let example = match there {
        Place::Inside(list) => {
            let settings = list.inner.iter().filter(|one| one.required.is_some() || ptr::eq(**one, key));
            let settings: Vec<_> = settings.map(|one| one.example).collect();
            format!("{}({})", list.name, settings.join(", "))
        }
        _ => key.example.to_owned(),
    };
    match (here, there) {
        (Place::Struct | Place::Inside(_), Place::Field)
        | (Place::Event, Place::EventField)
        | (Place::Detail, Place::DetailField) => format!("mark the field: `{example}`"),
        (Place::Field, Place::Struct | Place::Inside(_))
        | (Place::EventField, Place::Event)
        | (Place::DetailField, Place::Detail) => format!("write it on the struct: `{example}`"),
        // On a field, the field is there already.
        (Place::Field, Place::Field)
        | (Place::EventField, Place::EventField)
        | (Place::DetailField, Place::DetailField) => format!("write `{}`", key.item()),
        _ => format!("write `{example}`"),
    }
}
