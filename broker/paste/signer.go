package paste

import (
	"crypto/x509"
	"encoding/pem"

	"cloakroom/broker/fault"
)

// Signer is what SAML metadata says of the one identity provider in it: its name, where people sign in, and what it signs
// with.
type Signer struct {
	EntityID     string
	SSO          []string
	Certificates []string // PEM
}

// SignerOf reads metadata. Of several identity providers the one of the name is meant; without a name there is only one.
func SignerOf(metadata, entityID string) (Signer, error) {
	all, err := entitiesOf(decode(metadata))
	if err != nil {
		return Signer{}, fault.Wrap(fault.SAMLMetadataInvalid, err, "%s", err)
	}
	var found []entity
	for _, e := range all {
		if e.idp && (entityID == "" || e.id == entityID) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		return Signer{}, fault.New(fault.SAMLMetadataRole, "%s", clip(entityID))
	case 1:
		return Signer{EntityID: found[0].id, SSO: found[0].sso, Certificates: pems(found[0].certs)}, nil
	}
	return Signer{}, fault.New(fault.SAMLMetadataSeveral, "%d identity providers, the first is %s", len(found), clip(found[0].id))
}

func pems(certs []*x509.Certificate) []string {
	out := make([]string, len(certs))
	for i, c := range certs {
		out[i] = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return out
}
