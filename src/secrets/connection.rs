//! Finds passwords in connection strings: of .NET and ODBC, of JDBC, of libpq, and of Go's MySQL driver.

use super::placeholder;

/// Names of the password in a connection string.
const PASSWORDS: [&str; 4] = ["password", "pwd", "passwd", "pass"];
/// Names that a list of pairs needs besides, so that it is known to be one about a connection.
const SERVERS: [&str; 15] = [
    "server",
    "data source",
    "datasource",
    "host",
    "hostname",
    "addr",
    "address",
    "network address",
    "user id",
    "userid",
    "uid",
    "user",
    "username",
    "database",
    "dbname",
];
/// Passwords of manuals that no placeholder is.
const WORDS: [&str; 8] = ["mypassword", "mypass", "pass", "pwd", "pw", "root", "postgres", "xxx"];

/// The password in `text`, if that is a connection string with one. Linear in the text.
pub(super) fn password(text: &str) -> Option<&str> {
    if text.len() > 4096 || !text.contains(['=', '@']) {
        return None;
    }
    let found = if text.contains("://") {
        in_query(text)
    } else if text.contains(';') {
        in_pairs(text.split(';'))
    } else {
        driver_login(text).or_else(|| in_pairs(text.split_ascii_whitespace()))
    };
    found.filter(|value| is_real(value))
}

/// `Server=db;User Id=sa;Password=value`, and the same pairs parted by blanks.
fn in_pairs<'a>(pairs: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (mut value, mut has_server) = (None, false);
    for pair in pairs {
        let Some((name, right)) = pair.split_once('=') else { continue };
        let name = name.trim().trim_start_matches(['"', '\'', '{']).to_ascii_lowercase();
        if PASSWORDS.contains(&name.as_str()) {
            value = value.or(Some(right.trim().trim_matches(['"', '\''])));
        }
        has_server |= SERVERS.contains(&name.as_str());
    }
    value.filter(|_| has_server)
}

/// `jdbc:postgresql://host/db?user=a&password=value`, `jdbc:sqlserver://host;password=value`.
fn in_query(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let pairs = rest.split(['?', '&', ';']).skip(1);
    let value = pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| {
        let name = name.trim().to_ascii_lowercase();
        PASSWORDS.contains(&name.as_str())
    })?;
    value.1.split(['"', '\'', ' ', '#', '`', ')', '<']).next()
}

/// `user:value@tcp(host:3306)/db`.
fn driver_login(text: &str) -> Option<&str> {
    let (login, host) = text.rsplit_once('@')?;
    let is_driver = host.starts_with("tcp(") || host.starts_with("unix(");
    let (user, value) = login.split_once(':')?;
    let is_user = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    (is_driver && is_user).then_some(value)
}

fn is_real(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    value.len() >= 4
        && !placeholder::is_placeholder(value)
        && !WORDS.contains(&lower.as_str())
        && !value.contains(['{', '}', '<', '>', '$'])
        && !value.contains("...")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_of_every_kind_have_a_password() {
        let secret = "Sup3rS3cret9";
        for text in [
            format!("Server=db;User Id=sa;Password={secret};"),
            format!("Data Source=db;Initial Catalog=x;uid=sa;Pwd={secret}"),
            format!("host=db user=app password={secret} dbname=x"),
            format!("jdbc:postgresql://db/x?user=a&password={secret}"),
            format!("jdbc:sqlserver://db:1433;databaseName=x;user=sa;password={secret};"),
            format!("app:{secret}@tcp(db:3306)/x?parseTime=true"),
        ] {
            assert_eq!(password(&text), Some(secret), "{text}");
            for other in ["${PASSWORD}", "<password>", "{password}", "password", ""] {
                assert_eq!(password(&text.replace(secret, other)), None, "{text} with {other}");
            }
        }
        for text in ["Server=db;Integrated Security=true", "password=Sup3rS3cret9", "a=b;password=Sup3rS3cret9", "a@b"]
        {
            assert_eq!(password(text), None, "{text}");
        }
    }
}
