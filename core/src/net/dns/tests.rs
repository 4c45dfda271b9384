use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn directory() -> Directory {
    let mut web = Neighbours::of("Web");
    for (name, addresses) in [
        ("db", &["172.18.0.2", "fd00::2"][..]),
        ("one", &["172.18.0.3"]),
        ("app", &["172.18.0.3", "172.18.0.4", "172.18.0.5"]),
        ("0123456789ab", &["172.18.0.2"]),
        ("with.dot", &["172.18.0.6"]),
    ] {
        web.add(name, &addresses.iter().map(|text| ip(text)).collect::<Vec<_>>());
    }
    web.link("store", "db");
    web.link("one", "db");
    let mut back = Neighbours::of("back.end");
    back.add("db", &[ip("172.19.0.9")]);
    back.add("cache", &[ip("172.19.0.3")]);
    let servers = vec![Upstream { address: ip("192.0.2.53"), of_host: true }];
    Directory { networks: vec![web, back], leads_out: true, servers, ndots_said: false }
}

fn query(name: &str, of: TYPE) -> Vec<u8> {
    let mut packet = Packet::new_query(0x1234);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(Name::new(name).unwrap(), of.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().unwrap()
}

fn bytes(reply: Reply) -> Vec<u8> {
    match reply {
        Reply::Answer(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

/// The code, and the addresses or names.
fn asked(name: &str, of: TYPE, directory: &Directory) -> String {
    let query = query(name, of);
    let bytes = match answer(&query, directory, Transport::Datagram, 0) {
        Reply::Answer(bytes) => bytes,
        other => return format!("{other:?}"),
    };
    let packet = Packet::parse(&bytes).unwrap();
    assert_eq!(packet.id(), 0x1234);
    assert!(packet.has_flags(PacketFlag::RESPONSE | PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE));
    assert_eq!(packet.questions.len(), 1);
    let data = |record: &ResourceRecord<'_>| {
        assert_eq!((record.ttl, record.name.to_string().as_str()), (600, name));
        match &record.rdata {
            RData::A(found) => std::net::Ipv4Addr::from(found.address).to_string(),
            RData::AAAA(found) => std::net::Ipv6Addr::from(found.address).to_string(),
            RData::PTR(found) => found.0.to_string(),
            other => panic!("{other:?}"),
        }
    };
    format!("{:?} {}", packet.rcode(), packet.answers.iter().map(data).collect::<Vec<_>>().join(" "))
}

#[test]
fn names_are_found_in_every_network_in_order() {
    let directory = directory();
    let four = |name| asked(name, TYPE::A, &directory);
    assert_eq!(four("db"), "NoError 172.18.0.2");
    assert_eq!(four("DB"), "NoError 172.18.0.2");
    assert_eq!(four("db.web"), "NoError 172.18.0.2");
    assert_eq!(four("db.back.end"), "NoError 172.19.0.9");
    assert_eq!(four("cache"), "NoError 172.19.0.3");
    assert_eq!(four("0123456789ab"), "NoError 172.18.0.2");
    assert_eq!(four("with.dot"), "NoError 172.18.0.6");
    assert_eq!(four("with.dot.web"), "NoError 172.18.0.6");
    assert_eq!(four("app"), "NoError 172.18.0.3 172.18.0.4 172.18.0.5");
    for unknown in ["nobody", "cache.web", "db.nowhere", "web", "example.org"] {
        assert_eq!(four(unknown), "Forward", "{unknown}");
    }
}

#[test]
fn a_link_goes_before_a_name() {
    let directory = directory();
    assert_eq!(asked("store", TYPE::A, &directory), "NoError 172.18.0.2");
    assert_eq!(asked("store.web", TYPE::A, &directory), "NoError 172.18.0.2");
    assert_eq!(asked("one", TYPE::A, &directory), "NoError 172.18.0.2", "another's name is the container's own name for db");
}

#[test]
fn what_a_name_has_not_is_nothing_and_no_failure() {
    let directory = directory();
    assert_eq!(asked("db", TYPE::AAAA, &directory), "NoError fd00::2");
    assert_eq!(asked("app", TYPE::AAAA, &directory), "NoError ");
    assert_eq!(asked("db", TYPE::MX, &directory), "NoError ");
    assert_eq!(asked("db", TYPE::TXT, &directory), "Forward");
    assert_eq!(asked("nobody", TYPE::MX, &directory), "Forward");
}

#[test]
fn addresses_have_names() {
    let directory = directory();
    assert_eq!(asked("2.0.18.172.in-addr.arpa", TYPE::PTR, &directory), "NoError db.Web");
    assert_eq!(asked("3.0.18.172.in-addr.arpa", TYPE::PTR, &directory), "NoError one.Web");
    let six = format!("2.{}0.0.d.f.ip6.arpa", "0.".repeat(27));
    assert_eq!(asked(&six, TYPE::PTR, &directory), "NoError db.Web");
    for unknown in ["9.0.18.172.in-addr.arpa", "0.18.172.in-addr.arpa", "x.ip6.arpa", "db"] {
        assert_eq!(asked(unknown, TYPE::PTR, &directory), "Forward", "{unknown}");
    }
}

#[test]
fn who_cannot_ask_further_says_so() {
    let internal = Directory { leads_out: false, ..directory() };
    assert_eq!(asked("example.org", TYPE::A, &internal), "ServerFailure ");
    let servers = vec![Upstream { address: ip("172.18.0.2"), of_host: false }];
    assert_eq!(asked("example.org", TYPE::A, &Directory { servers, ..internal.clone() }), "Forward");
    assert_eq!(asked("example.org", TYPE::A, &Directory { servers: Vec::new(), ..directory() }), "ServerFailure ");
    let said = Directory { ndots_said: true, ..directory() };
    assert_eq!(asked("nobody", TYPE::A, &said), "NoError ");
    assert_eq!(asked("nobody.org", TYPE::A, &said), "Forward");
}

#[test]
fn each_address_is_the_first_in_its_turn() {
    let first = |turn| {
        let query = query("app", TYPE::A);
        let bytes = bytes(answer(&query, &directory(), Transport::Datagram, turn));
        match Packet::parse(&bytes).unwrap().answers[0].rdata {
            RData::A(ref found) => found.address & 0xff,
            ref other => panic!("{other:?}"),
        }
    };
    assert_eq!([0, 1, 2, 3].map(first), [3, 4, 5, 3]);
}

#[test]
fn a_long_answer_is_cut_off_where_it_has_to_be() {
    let mut many = Neighbours::of("many");
    many.add("all", &(1..=200).map(|number| IpAddr::from([10, 0, 0, number])).collect::<Vec<_>>());
    let directory = Directory { networks: vec![many], ..Directory::default() };
    let plain = query("all", TYPE::A);
    let mut extended = Packet::parse(&plain).unwrap();
    *extended.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: 1232, version: 0 });
    let extended = extended.build_bytes_vec().unwrap();
    let shape = |query: &[u8], transport| {
        let bytes = bytes(answer(query, &directory, transport, 0));
        let packet = Packet::parse(&bytes).unwrap();
        (bytes.len(), packet.answers.len(), packet.has_flags(PacketFlag::TRUNCATION), packet.opt().is_some())
    };
    assert_eq!(shape(&plain, Transport::Datagram), (501, 30, true, false));
    assert_eq!(shape(&extended, Transport::Datagram), (1232, 75, true, true));
    assert_eq!(shape(&plain, Transport::Stream), (3221, 200, false, false));
}

#[test]
fn whatever_comes_is_no_reason_to_stop() {
    let directory = directory();
    let question = query("db", TYPE::A);
    let reply = |bytes: &[u8]| answer(bytes, &directory, Transport::Datagram, 0);
    for length in 0..12 {
        assert_eq!(reply(&question[..length]), Reply::Drop);
    }
    for length in 12..question.len() {
        assert_eq!(bytes(reply(&question[..length]))[3] & 0xf, 1, "FORMERR");
    }
    let changed = |at: usize, to: u8| {
        let mut bytes = question.clone();
        bytes[at] = to;
        bytes
    };
    assert_eq!(reply(&changed(2, 0x81)), Reply::Drop, "an answer");
    assert_eq!(bytes(reply(&changed(2, 0x28)))[3] & 0xf, 4, "NOTIMP: an update");
    assert_eq!(bytes(reply(&changed(5, 2)))[3] & 0xf, 1, "two questions");
    assert_eq!(reply(&changed(question.len() - 4, 0xfe)), Reply::Forward, "a type that nobody knows");
    assert_eq!(reply(&changed(question.len() - 1, 3)), Reply::Forward, "another class");
    let mut circle = question[..12].to_vec();
    circle.extend([0xc0, 12, 0, 1, 0, 1]);
    assert_eq!(bytes(reply(&circle))[3] & 0xf, 1, "a name that refers to itself");
    // Every byte of a question, changed to every value: an answer or none, and no end of the program.
    for at in 0..question.len() {
        for to in 0..=255 {
            let _ = reply(&changed(at, to));
        }
    }
    assert_eq!(bytes(failure(&question))[3] & 0xf, 2);
    assert_eq!(bytes(refusal(&question))[3] & 0xf, 5);
}
