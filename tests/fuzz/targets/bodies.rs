//! Bodies for each route, from somebody who may ask: right ones that were changed, and anything else.
//!
//! What has to hold: the answer is one that the contract lists for the route.
#![no_main]
#![recursion_limit = "256"]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use signet_fuzz::said::{Body, Text, route};
use signet_fuzz::world::{LINKED_PASSWORD, NUMBER, PASSWORD, basic, call};
use signet_fuzz::{World, answers, judge, with_world};

#[derive(Arbitrary, Debug)]
struct Input {
    route: u8,
    names: [Text; 2],
    who: Who,
    body: Body,
}

#[derive(Arbitrary, Debug)]
enum Who {
    Primary,
    Linked,
    /// As the number's owner says who they are when they register.
    Number,
    Nobody,
    Any(Text),
}

fuzz_target!(|input: Input| with_world(async |world| play(world, &input).await));

async fn play(world: &World, input: &Input) {
    let (route, known) = (route(input.route), &world.known);
    let mut names = input.names.iter().map(|name| format!("{:.200}", name.speak(known)).replace('/', "_"));
    let parts = route.template.split('/').map(|part| {
        let name = if part.starts_with('{') { names.next() } else { None };
        name.map_or_else(|| part.to_owned(), |name| if name.is_empty() { "nothing".to_owned() } else { name })
    });
    let path = parts.collect::<Vec<_>>().join("/");
    if answers::template(route.method.as_str(), &path) != Some(route.template) {
        // The name of another route.
        return;
    }
    let authorization = match &input.who {
        Who::Primary => basic(&known.aci, PASSWORD),
        Who::Linked => basic(&format!("{}.2", known.aci), LINKED_PASSWORD),
        Who::Number => basic(NUMBER, PASSWORD),
        Who::Nobody => String::new(),
        Who::Any(text) => text.speak(known),
    };
    let authorization = ("authorization", authorization.as_str());
    let headers = if matches!(input.who, Who::Nobody) { &[][..] } else { &[authorization] };
    let method = route.method.as_str();
    let reply = call(&world.registry, method, &path, headers, input.body.speak(route, known).into()).await;
    judge(method, Some(route.template), reply.status, reply.body.as_deref());
    let odd = reply.headers.iter().find(|(_, value)| value.chars().any(char::is_control));
    assert!(odd.is_none(), "a header of {} cannot be sent", reply.status);
}
