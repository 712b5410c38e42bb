//! Decides which token realms may receive the login of a registry.
//!
//! A registry names the realm in its challenge, so anyone who controls that answer chooses where the login goes
//! (oras-go's CVE-2026-48978). It goes to:
//!
//! 1. the registry's own host, on any port;
//! 2. over TLS on both sides, a neighbour of it: one host's name is the other's without its first label
//!    (`registry.gitlab.com` and `gitlab.com`), or both have the same rest behind it (`registry-1.docker.io` and
//!    `auth.docker.io`);
//! 3. a host that the user named by `--token-realm` or in the policy file (`login` asks for that);
//! 4. a host with a login of its own: it receives that one.
//!
//! Below names that many parties share (`github.io`, `co.uk`: the public suffix list) there are no neighbours; nor among addresses.
//! Every other realm is asked anonymously, which is enough to pull public images.

use crate::registry::url::Url;

/// Domains of registries whose hosts belong to many, and that the public suffix list may not have.
const HOSTED: [&str; 8] = [
    "azurecr.cn",
    "azurecr.io",
    "azurecr.us",
    "cloudapp.net",
    "cloudsmith.io",
    "container-registry.com",
    "jfrog.io",
    "vultrcr.com",
];
/// Domains below which names of all depths are given to customers: `ACCOUNT.dkr.ecr.REGION.amazonaws.com`.
const HOSTED_AT_ALL_DEPTHS: [&str; 2] = ["amazonaws.com", "amazonaws.com.cn"];

/// Whether `realm` may see the login of the registry at `base`.
pub(super) fn may_receive_login(base: &Url, realm: &Url) -> bool {
    if realm.same_host(base) {
        return realm.https || !base.https;
    }
    realm.https && base.https && are_neighbours(base.host(), realm.host())
}

fn are_neighbours(registry: &str, realm: &str) -> bool {
    let rest = |host: &str| host.split_once('.').map(|(_, rest)| rest.to_owned());
    let (Some(behind_registry), Some(behind_realm)) = (rest(registry), rest(realm)) else { return false };
    let common = match () {
        () if behind_registry == behind_realm || behind_registry == realm => behind_registry,
        () if behind_realm == registry => behind_realm,
        () => return false,
    };
    has_one_owner(&common)
}

/// Whether everything below the domain is in one hand, as far as its name tells.
fn has_one_owner(domain: &str) -> bool {
    let top = domain.rsplit('.').next().unwrap_or_default();
    let is_name = !top.is_empty() && top.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    // A public suffix, `co.uk` or `github.io`, has no owner among those below it.
    let is_below =
        |hosted: &&str| domain.strip_suffix(*hosted).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    is_name
        && psl::domain(domain.as_bytes()).is_some()
        && !HOSTED.contains(&domain)
        && !HOSTED_AT_ALL_DEPTHS.iter().any(is_below)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_login_goes_to_the_registrys_host_and_its_neighbours() {
        for (registry, realm, may) in [
            ("https://registry-1.docker.io/", "https://auth.docker.io/token", true),
            ("https://ghcr.io/", "https://ghcr.io/token", true),
            ("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth", true),
            ("https://gitlab.example.com:5050/", "https://gitlab.example.com/jwt/auth", true),
            ("https://quay.io/", "https://quay.io/v2/auth", true),
            ("https://public.ecr.aws/", "https://public.ecr.aws/token/", true),
            ("https://us-docker.pkg.dev/", "https://us-docker.pkg.dev/v2/token", true),
            ("https://acme.azurecr.io/", "https://acme.azurecr.io/oauth2/token", true),
            ("https://registry.digitalocean.com/", "https://api.digitalocean.com/v2/registry/auth", true),
            ("https://registry.corp.example.com/", "https://sso.corp.example.com/token", true),
            ("https://example.com/", "https://auth.example.com/token", true),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5001/token", true),
            ("http://localhost:5000/", "https://localhost:5001/token", true),
            // Down from TLS.
            ("https://r.example.com/", "http://r.example.com/token", false),
            ("https://r.example.com/", "http://auth.example.com/token", false),
            ("http://r.example.com/", "https://auth.example.com/token", false),
            // Strangers.
            ("https://r.example.com/", "https://evil.test/token", false),
            ("https://r.example.com/", "https://r.example.com.evil.test/token", false),
            ("https://r.example.com/", "https://evil-example.com/token", false),
            ("https://r.example.com/", "https://com/token", false),
            ("https://example.com/", "https://evil.com/token", false),
            ("https://localhost:5000/", "https://127.0.0.1/token", false),
            ("https://10.0.0.1/", "https://11.0.0.1/token", false),
            ("https://[::1]/", "https://[::2]/token", false),
            ("https://a.b.example.com/", "https://c.d.example.com/token", false),
            // Other people's.
            ("https://acme.azurecr.io/", "https://evil.azurecr.io/token", false),
            ("https://acme.co.uk/", "https://evil.co.uk/token", false),
            ("https://us-docker.pkg.dev/", "https://evil.run.app/token", false),
            ("https://acme.com.au/", "https://evil.com.au/token", false),
            ("https://acme.gov.pl/", "https://evil.gov.pl/token", false),
            ("https://acme.kyoto.jp/", "https://evil.kyoto.jp/token", false),
            ("https://acme.xn--p1ai/", "https://evil.xn--p1ai/token", false),
            ("https://acme.fly.dev/", "https://evil.fly.dev/token", false),
            ("https://acme.workers.dev/", "https://evil.workers.dev/token", false),
            ("https://acme.cloudfront.net/", "https://evil.cloudfront.net/token", false),
            ("https://acme.s3.amazonaws.com/", "https://evil.s3.amazonaws.com/token", false),
            ("https://acme.jfrog.io/", "https://evil.jfrog.io/token", false),
            ("https://1.dkr.ecr.eu-1.amazonaws.com/", "https://2.dkr.ecr.eu-1.amazonaws.com/token", false),
            ("https://registry.cn-hangzhou.aliyuncs.com/", "https://dockerauth.cn-hangzhou.aliyuncs.com/auth", true),
            ("https://acme.ts.net/", "https://evil.ts.net/token", false),
            // One hand's below such a name, and networks of their own.
            ("https://registry.acme.co.uk/", "https://auth.acme.co.uk/token", true),
            ("https://registry.acme.github.io/", "https://acme.github.io/token", true),
            ("https://registry.corp.internal/", "https://sso.corp.internal/token", true),
            ("https://registry.internal/", "https://sso.internal/token", false),
        ] {
            let (base, url) = (Url::parse(registry).unwrap(), Url::parse(realm).unwrap());
            assert_eq!(may_receive_login(&base, &url), may, "{registry} {realm}");
        }
    }
}
