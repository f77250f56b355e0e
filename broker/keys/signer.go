package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Signer is one private key that makes JWS signatures.
type Signer struct {
	KID string
	Alg string
	key crypto.Signer
}

// Public is the public half.
func (s *Signer) Public() crypto.PublicKey { return s.key.Public() }

// Sign makes the signature of a JWS signing input in the form of RFC 7518 (RFC 8037 for EdDSA).
func (s *Signer) Sign(input []byte) ([]byte, error) {
	switch k := s.key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(k, input), nil
	case *ecdsa.PrivateKey:
		sum := sha256.Sum256(input)
		r, v, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			return nil, err
		}
		out := make([]byte, 64)
		r.FillBytes(out[:32])
		v.FillBytes(out[32:])
		return out, nil
	default:
		sum := sha256.Sum256(input)
		return s.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	}
}

const certificateYears = 10

// generate makes a key pair. It takes a tenth of a second for RSA, so it runs under no lock.
func (m *Manager) generate(owner, alg string) (*broker.Key, error) {
	k := &broker.Key{Owner: owner, Alg: alg, CreatedAt: m.now()}
	if alg == pairwise {
		k.ID, k.Private = broker.RandomToken(16), make([]byte, 32)
		_, _ = rand.Read(k.Private)
		return k, nil
	}
	s, err := generateSigner(alg)
	if err != nil {
		return nil, err
	}
	if k.Private, err = x509.MarshalPKCS8PrivateKey(s); err != nil {
		return nil, err
	}
	jwk := jose.JSONWebKey{Key: s.Public()}
	thumb, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	k.ID = base64.RawURLEncoding.EncodeToString(thumb)
	if alg == "RS256" {
		_, name, _ := strings.Cut(owner, ":")
		k.Certificate, err = selfSigned(s, name, k.CreatedAt)
	}
	return k, err
}

func generateSigner(alg string) (crypto.Signer, error) {
	switch alg {
	case "RS256":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, k, err := ed25519.GenerateKey(rand.Reader)
		return k, err
	}
	return nil, fault.New(fault.Internal, "no key of algorithm %q can be made", alg)
}

// selfSigned makes the certificate that SAML documents carry a key in. Identity providers compare it byte for byte or
// read only the key; its dates matter to the few that refuse expired ones.
func selfSigned(s crypto.Signer, name string, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(certificateYears, 0, 0),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		BasicConstraintsValid: true, SignatureAlgorithm: x509.SHA256WithRSA,
	}
	return x509.CreateCertificate(rand.Reader, t, t, s.Public(), s)
}
