// An application: openid-client with code, PKCE and client_secret_basic; without a secret, private_key_jwt, pushed
// authorization requests and ID tokens signed with ES256. Its page shows as JSON what a sign-in brought.
// ISSUER, SELF, CLIENT_ID and CLIENT_SECRET come by the environment.
import * as client from 'openid-client';
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';

const { ISSUER, SELF, CLIENT_ID, CLIENT_SECRET } = process.env;
const sessions = new Map(); // by the cookie's value

const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
const kid = randomUUID();
const authentication = CLIENT_SECRET ? client.ClientSecretBasic(CLIENT_SECRET) : client.PrivateKeyJwt({ key: keys.privateKey, kid });

let found;
const config = () => (found ??= client.discovery(
  new URL(ISSUER), CLIENT_ID, CLIENT_SECRET ? {} : { id_token_signed_response_alg: 'ES256' }, authentication,
  { execute: [client.allowInsecureRequests] },
));

const pages = {
  async '/'(url, s) {
    return { json: s.seen ?? { nobody: true } };
  },
  async '/jwks'() {
    return { json: { keys: [{ ...await crypto.subtle.exportKey('jwk', keys.publicKey), kid, use: 'sig', alg: 'ES256' }] } };
  },
  async '/login'(url, s) {
    s.verifier = client.randomPKCECodeVerifier();
    s.state = client.randomState();
    s.nonce = client.randomNonce();
    const parameters = {
      redirect_uri: `${SELF}/callback`, scope: 'openid email profile groups offline_access', state: s.state, nonce: s.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(s.verifier), code_challenge_method: 'S256',
    };
    for (const [k, v] of url.searchParams) parameters[k] = v;
    const build = CLIENT_SECRET ? client.buildAuthorizationUrl : client.buildAuthorizationUrlWithPAR;
    return { to: await build(await config(), parameters) };
  },
  async '/callback'(url, s) {
    const c = await config();
    const first = await client.authorizationCodeGrant(c, url, { pkceCodeVerifier: s.verifier, expectedState: s.state, expectedNonce: s.nonce, idTokenExpected: true });
    const claims = first.claims();
    const again = await client.refreshTokenGrant(c, first.refresh_token);
    const userinfo = await client.fetchUserInfo(c, again.access_token, claims.sub);
    s.idToken = again.id_token ?? first.id_token;
    s.seen = { claims, userinfo, refreshed: again.refresh_token !== first.refresh_token && again.access_token !== first.access_token };
    return { to: `${SELF}/` };
  },
  async '/logout'(url, s) {
    const to = client.buildEndSessionUrl(await config(), { post_logout_redirect_uri: `${SELF}/`, id_token_hint: s.idToken });
    delete s.seen;
    return { to };
  },
};

createServer(async (req, res) => {
  const url = new URL(req.url, SELF);
  const page = pages[url.pathname];
  let id = /sid=([^;]+)/.exec(req.headers.cookie ?? '')?.[1];
  if (!sessions.has(id)) sessions.set(id = randomUUID(), {});
  res.setHeader('Set-Cookie', `sid=${id}; Path=/; HttpOnly; SameSite=Lax`);
  try {
    const out = page ? await page(url, sessions.get(id)) : {};
    if (out.to) res.writeHead(303, { location: String(out.to) }).end();
    else res.writeHead(out.json ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(out.json, null, 1));
  } catch (err) {
    console.error(err);
    res.writeHead(500, { 'content-type': 'text/plain' }).end(`failed: ${err.message} ${err.error ?? ''} ${err.error_description ?? ''} ${err.cause ?? ''}`);
  }
}).listen(Number(new URL(SELF).port), '127.0.0.1');
