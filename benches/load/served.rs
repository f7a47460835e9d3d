//! `kaas serve` between stand-ins for Slack and GitHub: how soon it is ready, how soon it acknowledges, and how long a plan takes to reach the thread.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use crate::house::runtime;
use crate::measure::{Times, heading, line, mb, ms, now, status_kb};
use crate::served_house::house::{Forge, House, Platform};

/// How many people ask at once, and a large team.
const PEOPLE: usize = 200;
const TEAM: usize = 50;
/// How often each of them does.
const ASKS: usize = 10;
/// How often kaas is started.
const STARTS: usize = 10;
/// How many clusters are asked for while each call outside takes its time.
const CLUSTERS: usize = 8;
/// How long each call of GitHub and Slack takes.
const LATENCY: Duration = Duration::from_millis(100);

pub fn figures() {
    runtime().block_on(async {
        idle().await;
        for people in [TEAM, PEOPLE] {
            crowd(Platform::Slack, people).await;
            crowd(Platform::Discord, people).await;
        }
        slow().await;
    });
}

async fn idle() {
    heading("kaas serve: ready, and at rest");
    let house = House::new(Forge::GitHub).await;
    let (mut health, mut heard) = (Times::default(), Times::default());
    let mut resident = None;
    for _ in 0..STARTS {
        let begun = now();
        house.launch();
        while !answers(&house) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        health.push(begun.elapsed());
        while house.slack.sockets() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        heard.push(begun.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
        resident = status_kb(house.process(), "VmRSS");
        assert!(house.stop().await.success());
    }
    line("from its start to the first answer of /healthz", health.spread());
    line("from its start to the first socket of Slack", heard.spread());
    line("resident a second later", resident.map_or(String::new(), mb));
}

fn answers(house: &House) -> bool {
    let Ok(mut stream) = TcpStream::connect(house.web()) else { return false };
    let mut text = String::new();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").is_ok()
        && stream.read_to_string(&mut text).is_ok()
        && text.contains("200 OK")
}

async fn crowd(platform: Platform, people: usize) {
    let asks = people * ASKS;
    heading(&format!(
        "kaas serve, {platform:?}: {people} people, {asks} asks, while terraform works on what they asked for"
    ));
    let house = Arc::new(House::with(&[platform], Forge::Local, people).await);
    house.slack.set_options(|options| options.burst = None);
    house.start().await;
    let asking = (0..people).map(|person| {
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            let mut times = Vec::new();
            for nth in 0..ASKS {
                // One in a hundred begins a change, so that terraform is busy all the while; the others ask what kaas has to write down.
                let text = if nth == 0 && person % 10 == 0 {
                    format!("/kaas request c{person} size=small")
                } else {
                    format!("/kaas approve c{}", person / 10 * 10)
                };
                let (failed, time) = house.talk().say_timed(&format!("p{person}"), &text).await;
                times.push((failed.is_none(), time));
            }
            times
        })
    });
    let mut times = Times::default();
    let mut late = 0;
    for asked in asking.collect::<Vec<_>>() {
        for (acknowledged, time) in asked.await.expect("asked") {
            late += usize::from(!acknowledged || time > Duration::from_secs(3));
            times.push(time);
        }
    }
    line("acknowledged", times.spread());
    line("not acknowledged within 3 s", late);
    house.kill();
}

async fn slow() {
    heading("kaas serve: from the command to the plan in the thread, where each call of GitHub and Slack takes 100 ms");
    let house = House::new(Forge::GitHub).await;
    house.slack.set_options(|options| options.burst = None);
    house.start().await;
    let (mut served, mut bare) = (Times::default(), Times::default());
    for nth in 0..CLUSTERS {
        let name = format!("slow-{nth}");
        house.slack.set_faults(|faults| faults.latency = LATENCY);
        house.github.latency(LATENCY);
        let who = ["alice", "bob", "carol", "erin"][nth % 4];
        let begun = now();
        house.slash(who, &format!("/kaas request {name} size=small")).await;
        while !house.thread(&name).iter().any(|post| post.holds("the plan is here")) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        served.push(begun.elapsed());
        house.slack.heal();
        house.github.latency(Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (url, token) = house.rancher();
        bare.push(crate::commands::bare_beside(&house.data(), &name, url, token));
    }
    line("from the command to the plan", served.spread());
    line("bare terraform init && plan of the same files", bare.spread());
    line("kaas over bare, medians", ms(served.median().saturating_sub(bare.median())));
    house.kill();
}
