use super::*;

fn events(chunks: &[&[u8]]) -> Vec<String> {
    let mut parser = Parser::default();
    let mut events = Vec::new();
    for chunk in chunks {
        parser.feed(chunk).unwrap();
        while let Some(data) = parser.next("job").unwrap() {
            events.push(data);
        }
    }
    events
}

const STREAM: &[u8] =
    ": alive\n\nevent: job\ndata: {\"a\":\"ä\"}\n\nevent: other\ndata: 1\n\nevent:job\r\ndata:2\r\n\
                        data: 3\r\nid: 7\r\n\r\nevent: job\n\nevent: job\ndata: unfinished\n"
        .as_bytes();

#[test]
fn events_are_whole_wherever_the_network_cuts_them() {
    let wanted = ["{\"a\":\"ä\"}", "2\n3"];
    assert_eq!(events(&[STREAM]), wanted);
    for cut in 0..STREAM.len() {
        let (first, second) = STREAM.split_at(cut);
        assert_eq!(events(&[first, second]), wanted, "{cut}");
    }
    let bytes: Vec<_> = STREAM.chunks(1).collect();
    assert_eq!(events(&bytes), wanted);
}

#[test]
fn an_event_without_end_is_not_collected_for_ever() {
    let mut parser = Parser::default();
    let chunk = vec![b'x'; 1 << 20];
    let refused = (0..=LONGEST >> 20).find_map(|_| parser.feed(&chunk).err()).unwrap();
    assert_eq!(refused.code, ErrorCode::Internal);
    let mut parser = Parser::default();
    let lines = [b"data: ", chunk.as_slice(), b"\n"].concat();
    let refused = (0..=LONGEST >> 20).find_map(|_| {
        parser.next("job").unwrap();
        parser.feed(&lines).err()
    });
    assert_eq!(refused.unwrap().code, ErrorCode::Internal);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let mut parser = Parser::default();
    parser.feed(b"data: \xff\n\n").unwrap();
    assert_eq!(parser.next("job").unwrap_err().code, ErrorCode::Internal);
}
