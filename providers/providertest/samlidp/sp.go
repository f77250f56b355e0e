package samlidp

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"strings"

	"github.com/crewjam/saml"
)

// ParseServiceProvider reads an application's SAML metadata as an administrator's console would: with another
// implementation's eyes than the one that wrote it.
func ParseServiceProvider(metadata []byte) (ServiceProvider, error) {
	var doc saml.EntityDescriptor
	if err := xml.Unmarshal(metadata, &doc); err != nil {
		return ServiceProvider{}, err
	}
	sp := ServiceProvider{EntityID: doc.EntityID}
	for _, d := range doc.SPSSODescriptors {
		for _, e := range d.AssertionConsumerServices {
			sp.ACS = append(sp.ACS, e.Location)
		}
		for _, e := range d.SingleLogoutServices {
			if sp.SLO == "" {
				sp.SLO = e.Location
			}
		}
		for _, k := range d.KeyDescriptors {
			if k.Use == "encryption" {
				continue
			}
			for _, c := range k.KeyInfo.X509Data.X509Certificates {
				der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c.Data), ""))
				if err != nil {
					return ServiceProvider{}, err
				}
				sp.Certificates = append(sp.Certificates, der)
			}
		}
	}
	if sp.EntityID == "" || len(sp.ACS) == 0 {
		return ServiceProvider{}, errors.New("no service provider in this metadata")
	}
	return sp, nil
}
