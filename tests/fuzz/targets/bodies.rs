//! Bodies for each route, from somebody who may ask: right ones that were changed, and anything else.
//!
//! What has to hold: the answer is one that the contract lists for the route.
#![no_main]
#![recursion_limit = "256"]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use signet_fuzz::said::{Body, Text, route};
use signet_fuzz::world::{LINKED_PASSWORD, NUMBER, PASSWORD, basic, call};
use signet_fuzz::{World, judge, with_world};

#[derive(Arbitrary, Debug)]
struct Input {
    route: u8,
    name: Text,
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
    let name = input.name.speak(known).replace(['/', '?', '#', '%'], "_");
    if name.is_empty() {
        return;
    }
    let parts = route.template.split('/').map(|part| if part.starts_with('{') { name.as_str() } else { part });
    let path = parts.collect::<Vec<_>>().join("/");
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
