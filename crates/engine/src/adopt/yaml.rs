//! Reads YAML as Litestream does: variables first, then a tree of texts, lists and maps.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};

/// A piece of YAML. Numbers and words stay texts: what they mean depends on the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key of a map.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
            .filter(|n| **n != Node::Null)
    }

    /// What a map holds; nothing for what is no map.
    pub(super) fn entries(&self) -> &[(String, Node)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A text that is not empty: Litestream takes an empty one for none.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// Yes or no, in all the words that Litestream's YAML has for them.
    pub(super) fn truth(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some(true),
            "false" | "no" | "off" | "n" => Some(false),
            _ => None,
        }
    }
}

/// Why a text is not a tree: where (line and column from 1), and what is wrong.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) what: String,
}

impl From<ScanError> for Fault {
    fn from(error: ScanError) -> Self {
        let at = error.marker();
        Self { line: at.line(), column: at.col() + 1, what: error.info().to_owned() }
    }
}

/// No configuration is as deep as this, or as large.
const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 100_000;

/// The first document of a text.
pub(super) fn parse(text: &str) -> Result<Node, Fault> {
    let mut tree = Tree { events: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, line: 1 };
    loop {
        match tree.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(Node::Null),
            first => return tree.node(first, 0),
        }
    }
}

struct Tree<'a> {
    events: Parser<'a, StrInput<'a>>,
    /// What an alias stands for.
    anchors: HashMap<usize, Node>,
    nodes: usize,
    line: usize,
}

impl<'a> Tree<'a> {
    fn next(&mut self) -> Result<Event<'a>, Fault> {
        match self.events.next() {
            Some(event) => {
                let (event, span) = event?;
                self.line = span.start.line();
                Ok(event)
            }
            None => Err(self.fault("the text ends too early")),
        }
    }

    fn fault(&self, what: impl Into<String>) -> Fault {
        Fault { line: self.line, column: 1, what: what.into() }
    }

    fn node(&mut self, first: Event<'a>, depth: usize) -> Result<Node, Fault> {
        self.nodes += 1;
        if depth > MAX_DEPTH || self.nodes > MAX_NODES {
            return Err(self.fault("nested too deeply, or too large"));
        }
        let (node, anchor) = match first {
            Event::Scalar(text, style, anchor, _) => {
                let null =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                (if null { Node::Null } else { Node::Text(text.into_owned()) }, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| self.fault("an alias within its own anchor"))?;
                self.nodes += size(&node);
                (node, 0)
            }
            other => return Err(self.fault(format!("{other:?} is not expected here"))),
        };
        // 0 stands for "no anchor".
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Node, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                Event::SequenceEnd => return Ok(Node::List(items)),
                first => items.push(self.node(first, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Node, Fault> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let key = match self.next()? {
                Event::MappingEnd => break,
                first => self.node(first, depth + 1)?,
            };
            let Node::Text(key) = key else { return Err(self.fault("a key that is no word")) };
            let first = self.next()?;
            let value = self.node(first, depth + 1)?;
            if key == "<<" {
                merged.push(value);
            } else if entries.iter().any(|(name, _)| *name == key) {
                return Err(self.fault(format!("`{key}` stands there twice")));
            } else {
                entries.push((key, value));
            }
        }
        // `<<: *defaults`: what the map says itself stands above.
        for source in &merged {
            let maps =
                if let Node::List(maps) = source { maps.as_slice() } else { std::slice::from_ref(source) };
            for (key, value) in maps.iter().flat_map(Node::entries) {
                if !entries.iter().any(|(name, _)| name == key) {
                    entries.push((key.clone(), value.clone()));
                }
            }
        }
        Ok(Node::Map(entries))
    }
}

fn size(node: &Node) -> usize {
    1 + match node {
        Node::List(items) => items.iter().map(size).sum(),
        Node::Map(entries) => entries.iter().map(|(_, node)| size(node)).sum(),
        Node::Null | Node::Text(_) => 0,
    }
}

/// Puts the values of variables into a text, by the rules of Go's `os.Expand`, which Litestream uses. Returns the names
/// that have no value too: they count as empty.
pub(super) fn expand(text: &str, variable: impl Fn(&str) -> Option<String>) -> (String, Vec<String>) {
    let (mut expanded, mut missing) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        let (name, used) = name_after_dollar(after);
        match name {
            Some(name) => match variable(name) {
                Some(value) => expanded.push_str(&value),
                None if missing.iter().any(|known| known == name) => {}
                None => missing.push(name.to_owned()),
            },
            // `$` alone is a dollar sign; `${` without a name is swallowed.
            None if used == 0 => expanded.push('$'),
            None => {}
        }
        rest = &after[used..];
    }
    expanded.push_str(rest);
    (expanded, missing)
}

/// The name that follows a `$`, and how much of the text belongs to it.
fn name_after_dollar(text: &str) -> (Option<&str>, usize) {
    const SPECIAL: &str = "*#$@!?-0123456789";
    let first = text.chars().next();
    if first == Some('{') {
        return match text.find('}') {
            Some(1) => (None, 2),
            Some(end) => (Some(&text[1..end]), end + 1),
            None => (None, 1),
        };
    }
    if first.is_some_and(|c| SPECIAL.contains(c)) {
        return (Some(&text[..1]), 1);
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    ((end > 0).then(|| &text[..end]), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn texts_stay_what_is_written() {
        let tree =
            parse("a: 0123\nb: 1e5\nc: ~\nd: 'null'\ne: yes\nf: \"x: y\" # z\ng: [1, {h: 2}]\n").unwrap();
        assert_eq!(tree.get("a"), Some(&text("0123")));
        assert_eq!(tree.get("b"), Some(&text("1e5")));
        assert_eq!(tree.get("c"), None);
        assert_eq!(tree.get("d"), Some(&text("null")));
        assert_eq!(tree.get("e").and_then(Node::truth), Some(true));
        assert_eq!(tree.get("f"), Some(&text("x: y")));
        let inner = Node::Map(vec![("h".to_owned(), text("2"))]);
        assert_eq!(tree.get("g"), Some(&Node::List(vec![text("1"), inner])));
        assert_eq!(parse("").unwrap(), Node::Null);
        assert_eq!(parse("# only a comment\n").unwrap(), Node::Null);
    }

    #[test]
    fn anchors_and_merges_are_resolved() {
        let tree = parse("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nlist: [*b]\n").unwrap();
        let used = tree.get("use").unwrap();
        assert_eq!((used.get("x"), used.get("y")), (Some(&text("1")), Some(&text("3"))));
        assert_eq!(tree.get("list"), Some(&Node::List(vec![tree.get("base").unwrap().clone()])));
    }

    #[test]
    fn faults_have_a_place_and_bombs_do_not_go_off() {
        let fault = parse("a: 1\nb: [1\nc: 2\n").unwrap_err();
        assert!(fault.line >= 2 && !fault.what.is_empty());
        assert_eq!(parse("a: 1\na: 2\n").unwrap_err().what, "`a` stands there twice");
        assert!(parse(&"[".repeat(200)).is_err());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let last = format!("*a{}, ", n - 1).repeat(10);
            bomb.push_str(&format!("a{n}: &a{n} [{last}]\n"));
        }
        assert!(parse(&bomb).unwrap_err().what.contains("too large"));
    }

    #[test]
    fn variables_follow_the_rules_of_go() {
        let variable = |name: &str| match name {
            "A" => Some("1".to_owned()),
            "LONG_2" => Some("$A".to_owned()),
            _ => None,
        };
        for (text, expected) in [
            ("$A ${A}x $A-b $LONG_2", "1 1x 1-b $A"),
            ("100$ $ .", "100$ $ ."),
            ("${} ${A", " A"),
            ("$$A", "A"),
            ("é$Aé", "é1é"),
            ("a$", "a$"),
        ] {
            assert_eq!(expand(text, variable).0, expected, "{text}");
        }
        assert_eq!(expand("$B ${B} $C $A", variable).1, ["B", "C"]);
    }
}
