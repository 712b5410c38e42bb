//! Who is let in, and by what.

use super::serve::{Reply, plain};
use super::{Request, Serving, held};

/// Who is let in.
#[derive(Debug, Clone)]
pub enum Lock {
    Open,
    /// `name:password` in base64.
    Basic(String),
    /// A token of `/token`, which wants that login; each is good for so many requests.
    Bearer(String, usize),
}

impl Serving {
    /// Why a request is not served.
    pub(super) fn refusal(&self, request: &Request) -> Option<Reply> {
        let sent = request.field("authorization").unwrap_or_default();
        let challenge = match &self.setup.lock {
            Lock::Open => return None,
            Lock::Basic(login) if sent == format!("Basic {login}") => return None,
            Lock::Basic(_) => "Basic realm=\"a registry\"".to_owned(),
            Lock::Bearer(..) => {
                let needed = needed(request);
                let mut state = held(&self.state);
                let token = sent.strip_prefix("Bearer ").and_then(|token| state.tokens.get_mut(token));
                if let Some((uses, scopes)) = token
                    && *uses > 0
                    && needed.iter().all(|scope| allows(scopes, scope))
                {
                    *uses -= 1;
                    return None;
                }
                let realm = self.setup.realm.clone().unwrap_or_else(|| format!("{}/token", self.origin()));
                format!("Bearer realm=\"{realm}\",service=\"here\",scope=\"{}\"", needed.join(" "))
            }
        };
        Some((401, vec![("www-authenticate", "Negotiate".to_owned()), ("www-authenticate", challenge)], Vec::new()))
    }

    /// Where it is reached.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", if self.setup.tls { "https" } else { "http" }, self.host)
    }

    pub(super) fn token(&self, request: &Request) -> Reply {
        let Lock::Bearer(login, uses) = &self.setup.lock else { return plain(404) };
        let form = String::from_utf8_lossy(&request.body).into_owned();
        // An identity token is the login itself, as a form has it.
        let is_identity = request.method == "POST" && form.contains(&format!("refresh_token={login}"));
        if !is_identity && request.field("authorization") != Some(&format!("Basic {login}")) {
            return plain(401);
        }
        let mut scopes: Vec<_> = request.parameters("scope").collect();
        if is_identity {
            let words = form.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap_or_default();
            scopes.extend(words.split("%20").map(str::to_owned));
        }
        let mut state = held(&self.state);
        state.next += 1;
        let token = format!("token-{}", state.next);
        state.tokens.insert(token.clone(), (*uses, scopes));
        let field = if is_identity { "access_token" } else { "token" };
        (200, Vec::new(), format!("{{\"{field}\":\"{token}\"}}").into_bytes())
    }
}

/// What a token must allow for the request.
fn needed(request: &Request) -> Vec<String> {
    let path = request.path().strip_prefix("/v2/").unwrap_or_default();
    let parts = ["/blobs/", "/manifests/", "/referrers/", "/tags/"];
    let Some(name) = parts.into_iter().find_map(|part| Some(path.split_once(part)?.0)) else { return Vec::new() };
    let action = if matches!(request.method.as_str(), "GET" | "HEAD") && !path.contains("/uploads/") {
        "pull"
    } else {
        "pull,push"
    };
    let from = request.parameter("from").filter(|_| request.method == "POST");
    let own = format!("repository:{name}:{action}");
    [own].into_iter().chain(from.map(|from| format!("repository:{from}:pull"))).collect()
}

fn allows(scopes: &[String], needed: &str) -> bool {
    let Some((name, actions)) = needed.rsplit_once(':') else { return false };
    scopes.iter().filter_map(|scope| scope.rsplit_once(':')).any(|(known, granted)| {
        known == name && actions.split(',').all(|action| granted.split(',').any(|one| one == action))
    })
}
