//! Where the old set-up stored a database: the S3 service behind a replica, and the address of its backup.

use super::yaml::Node;
use super::{Credentials, Secret};

/// A replica of the old set-up.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    /// `s3`, `file`, `gs`, …
    pub(super) kind: String,
    /// The backup's address, without keys and passwords.
    pub(super) backup: String,
    /// What is known of the service, if it is S3.
    pub(super) s3: Option<S3>,
}

/// An S3 service and bucket.
#[derive(Clone, Debug, Default)]
pub(super) struct S3 {
    pub(super) bucket: String,
    pub(super) endpoint: String,
    pub(super) region: Option<String>,
    pub(super) credentials: Option<Credentials>,
}

/// Reads a replica. `defaults` are the whole file's keys, `below` is what a folder's databases add to the path.
pub(super) fn read(
    map: &Node,
    defaults: &Node,
    below: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Replica {
    let fields = Fields { map, defaults };
    let field = |key: &str| fields.get(key);
    let url = map.get("url").and_then(Node::text).and_then(Url::split);
    let kind = match (&url, map.get("type").and_then(Node::text)) {
        (Some(url), _) => url.scheme.to_owned(),
        (None, kind) => kind.unwrap_or("file").to_owned(),
    };
    let path =
        url.as_ref().map_or_else(|| map.get("path").and_then(Node::text).unwrap_or(""), |url| url.path);
    let path = join(path, below);
    if kind != "s3" {
        let host = url.as_ref().map_or_else(
            || ["bucket", "host", "webdav-url"].iter().find_map(|key| field(key)).unwrap_or(""),
            |url| url.host,
        );
        let backup = match kind.as_str() {
            "file" => format!("file://{path}"),
            _ if host.contains("://") => join(host, &path),
            _ => format!("{kind}://{host}/{}", path.trim_start_matches('/')),
        };
        return Replica { kind, backup, s3: None };
    }
    let mut s3 = url.as_ref().map_or_else(S3::default, |url| of_host(url.host));
    if let Some(bucket) = field("bucket").filter(|_| url.is_none()) {
        bucket.clone_into(&mut s3.bucket);
    }
    let query = |name: &str| url.as_ref().and_then(|url| url.query(name));
    if let Some(endpoint) = query("endpoint").as_deref().or_else(|| field("endpoint")) {
        s3.endpoint = with_scheme(endpoint);
    }
    if let Some(region) = query("region").or_else(|| field("region").map(str::to_owned)) {
        s3.region = Some(region);
    }
    if s3.endpoint.is_empty() {
        let region = s3.region.as_deref().unwrap_or("us-east-1");
        s3.endpoint = format!("https://s3.{region}.amazonaws.com");
    }
    s3.credentials = credentials(&fields, environment);
    Replica { backup: s3.address(&path), kind, s3: Some(s3) }
}

/// The keys of a replica, and those of the whole file, which hold where the replica has none.
struct Fields<'a> {
    map: &'a Node,
    defaults: &'a Node,
}

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        [self.map, self.defaults].into_iter().find_map(|map| map.get(key).and_then(Node::text))
    }
}

impl S3 {
    /// The address of a backup in it, as `restore --from` takes it.
    fn address(&self, path: &str) -> String {
        let region = self.region.as_ref().map(|region| format!("&region={region}")).unwrap_or_default();
        let path = path.trim_matches('/');
        format!("s3://{}/{path}?endpoint={}{region}", self.bucket, self.endpoint)
    }
}

/// The keys of the file, or those that Litestream takes from the environment.
fn credentials(fields: &Fields<'_>, environment: &dyn Fn(&str) -> Option<String>) -> Option<Credentials> {
    let pair = |id: Option<String>, secret: Option<String>| {
        let (id, secret) = (id.filter(|t| !t.is_empty())?, secret.filter(|t| !t.is_empty())?);
        Some(Credentials { access_key_id: Secret::new(id), secret_access_key: Secret::new(secret) })
    };
    let text = |key| fields.get(key).map(str::to_owned);
    pair(text("access-key-id"), text("secret-access-key"))
        .or_else(|| pair(environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY")))
        .or_else(|| {
            pair(environment("LITESTREAM_ACCESS_KEY_ID"), environment("LITESTREAM_SECRET_ACCESS_KEY"))
        })
}

/// An address in its parts; user and password are left out.
struct Url<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Url<'a> {
    fn split(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or(authority);
        Some(Self { scheme, host, path, query })
    }

    fn query(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| unescaped(value))
            .filter(|v| !v.is_empty())
    }
}

/// Undoes `%3A` and `+`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match (first, tail) {
            (b'%', [a, b, ..]) => {
                let digits = [*a, *b];
                std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        match (code, first) {
            (Some(byte), _) => bytes.push(byte),
            (None, b'+') => bytes.push(b' '),
            (None, other) => bytes.push(*other),
        }
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What Litestream reads from the host of an `s3://` address: the bucket, for some services the endpoint as well.
fn of_host(host: &str) -> S3 {
    let s3 = |bucket: &str, endpoint: String, region: Option<&str>| S3 {
        bucket: bucket.to_owned(),
        endpoint,
        region: region.filter(|r| !r.is_empty()).map(str::to_owned),
        credentials: None,
    };
    if host.contains(':') && !host.contains(".com") {
        return match host.split_once('.') {
            Some((bucket, server)) => s3(bucket, format!("http://{server}"), None),
            None => s3("", format!("http://{host}"), None),
        };
    }
    if let Some((bucket, rest)) = host.strip_suffix(".amazonaws.com").and_then(|h| h.rsplit_once(".s3")) {
        return s3(bucket, String::new(), Some(rest.trim_start_matches('.')));
    }
    for (suffix, middle) in [
        (".digitaloceanspaces.com", ""),
        (".backblazeb2.com", "s3."),
        (".scw.cloud", "s3."),
        (".filebase.com", "s3"),
    ] {
        let Some(before) = host.strip_suffix(suffix) else { continue };
        let (bucket, server) = match middle {
            // bucket.REGION.service, or bucket.s3.REGION.service
            "" => before.rsplit_once('.').unwrap_or(("", before)),
            _ => match before.rfind(&format!(".{middle}")) {
                Some(dot) => (&before[..dot], &before[dot + 1..]),
                None => ("", before),
            },
        };
        let region = server.strip_prefix(middle).unwrap_or(server);
        return s3(bucket, format!("https://{server}{suffix}"), Some(region));
    }
    s3(host, String::new(), None)
}

/// Litestream takes an address without a scheme for HTTP where it is near, for HTTPS elsewhere.
fn with_scheme(endpoint: &str) -> String {
    if endpoint.starts_with("http://") || endpoint.starts_with("https://") {
        return endpoint.to_owned();
    }
    let host = endpoint.split(['/', ':']).next().unwrap_or(endpoint);
    let near = host == "localhost"
        || host.ends_with(".local")
        || host.ends_with(".localhost")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback() || ip.is_private());
    format!("{}{endpoint}", if near { "http://" } else { "https://" })
}

fn join(path: &str, below: &str) -> String {
    match (path.is_empty(), below.is_empty()) {
        (_, true) => path.to_owned(),
        (true, false) => below.to_owned(),
        (false, false) => format!("{}/{}", path.trim_end_matches('/'), below.trim_start_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::super::yaml::parse;
    use super::*;

    fn s3(text: &str) -> (Replica, S3) {
        let replica = read(&parse(text).unwrap(), &Node::Null, "", &|_| None);
        let s3 = replica.s3.clone().unwrap_or_else(|| panic!("{text}: {replica:?}"));
        (replica, s3)
    }

    #[test]
    fn an_s3_replica_is_found_however_it_is_written() {
        for (text, bucket, endpoint, region) in [
            (
                "{type: s3, bucket: b, path: p, region: eu-west-1}",
                "b",
                "https://s3.eu-west-1.amazonaws.com",
                Some("eu-west-1"),
            ),
            ("{url: 's3://b/p'}", "b", "https://s3.us-east-1.amazonaws.com", None),
            (
                "{url: 's3://b.s3.eu-west-1.amazonaws.com/p'}",
                "b",
                "https://s3.eu-west-1.amazonaws.com",
                Some("eu-west-1"),
            ),
            ("{url: 's3://b.s3.amazonaws.com/p'}", "b", "https://s3.us-east-1.amazonaws.com", None),
            ("{url: 's3://b.localhost:9000/p'}", "b", "http://localhost:9000", None),
            (
                "{url: 's3://b.nyc3.digitaloceanspaces.com/p'}",
                "b",
                "https://nyc3.digitaloceanspaces.com",
                Some("nyc3"),
            ),
            (
                "{url: 's3://b.s3.us-west-2.backblazeb2.com/p'}",
                "b",
                "https://s3.us-west-2.backblazeb2.com",
                Some("us-west-2"),
            ),
            ("{url: 's3://b.s3.filebase.com/p'}", "b", "https://s3.filebase.com", None),
            ("{url: 's3://b/p', endpoint: 'http://nas:9000'}", "b", "http://nas:9000", None),
            (
                "{url: 's3://b/p?endpoint=nas.office%3A9000&region=eu'}",
                "b",
                "https://nas.office:9000",
                Some("eu"),
            ),
            ("{type: s3, bucket: b, endpoint: '10.0.0.2:9000'}", "b", "http://10.0.0.2:9000", None),
        ] {
            let (_, s3) = s3(text);
            assert_eq!(
                (s3.bucket.as_str(), s3.endpoint.as_str(), s3.region.as_deref()),
                (bucket, endpoint, region),
                "{text}"
            );
        }
    }

    #[test]
    fn the_backup_has_an_address_to_restore_from() {
        for (text, backup) in [
            ("{url: 's3://b/p/q', endpoint: 'http://nas:9000'}", "s3://b/p/q/x?endpoint=http://nas:9000"),
            ("{type: s3, bucket: b, region: eu}", "s3://b/x?endpoint=https://s3.eu.amazonaws.com&region=eu"),
            ("{path: /backup/a}", "file:///backup/a/x"),
            ("{url: 'file:///backup/a'}", "file:///backup/a/x"),
            ("{type: gs, bucket: b, path: p}", "gs://b/p/x"),
            ("{url: 'sftp://me:KEY@nas:22/p'}", "sftp://nas:22/p/x"),
            ("{type: sftp, host: 'nas:22', user: me, password: KEY, path: /p}", "sftp://nas:22/p/x"),
            ("{type: webdav, webdav-url: 'https://nas/dav', path: /p}", "https://nas/dav/p/x"),
        ] {
            let replica = read(&parse(text).unwrap(), &Node::Null, "x", &|_| None);
            assert_eq!(replica.backup, backup, "{text}");
        }
    }

    #[test]
    fn keys_come_from_the_replica_the_file_or_the_environment_in_this_order() {
        let map = parse("{type: s3, bucket: b, access-key-id: own, secret-access-key: s}").unwrap();
        let defaults = parse("{access-key-id: all, secret-access-key: s}").unwrap();
        let bare = parse("{type: s3, bucket: b}").unwrap();
        let environment = |name: &str| name.starts_with("LITESTREAM_").then(|| "env".to_owned());
        let key = |map, defaults, environment: &dyn Fn(&str) -> Option<String>| {
            let s3 = read(map, defaults, "", environment).s3.unwrap();
            s3.credentials.map(|found| found.access_key_id.reveal().to_owned())
        };
        assert_eq!(key(&map, &defaults, &environment).as_deref(), Some("own"));
        assert_eq!(key(&bare, &defaults, &environment).as_deref(), Some("all"));
        assert_eq!(key(&bare, &Node::Null, &environment).as_deref(), Some("env"));
        assert_eq!(key(&bare, &Node::Null, &|_| None), None);
        assert!(!format!("{:?}", read(&map, &defaults, "", &environment)).contains("own"));
    }
}
