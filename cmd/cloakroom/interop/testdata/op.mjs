// An OpenID provider: oidc-provider with its own development pages, where any login name and password will do.
// ISSUER, PORT and CLIENTS (its client metadata, JSON) come by the environment.
import { Provider } from 'oidc-provider';

const domain = 'op.example';

const op = new Provider(process.env.ISSUER, {
  clients: JSON.parse(process.env.CLIENTS),
  cookies: { keys: ['of this test alone'] },
  // The address stands in userinfo alone, as OpenID Connect Core, section 5.4 has it (conformIdTokenClaims).
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name', 'locale'] },
  enabledJWA: { clientAuthSigningAlgValues: ['RS256'] },
  clientAuthMethods: ['client_secret_basic', 'private_key_jwt'],
  // Its own fetch calls no loopback address.
  fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
  features: { backchannelLogout: { enabled: true } },
  async findAccount(_, sub) {
    return {
      accountId: sub,
      claims: async () => ({
        sub, email: `${sub}@${domain}`, email_verified: true, name: `${sub} Example`, given_name: sub, family_name: 'Example', locale: 'en',
      }),
    };
  },
});

op.on('server_error', (_, err) => console.error('server_error', err));
for (const e of ['authorization.error', 'grant.error', 'end_session.error', 'backchannel.error', 'userinfo.error']) {
  op.on(e, (_, ...rest) => console.error(e, ...rest.map((r) => r?.error_detail || r?.error_description || r?.message || '')));
}
op.on('backchannel.success', () => console.error('backchannel.success'));
op.listen(Number(process.env.PORT), '127.0.0.1');
