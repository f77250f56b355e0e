package samlidp

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"strings"
)

// ParseServiceProvider reads an application's SAML metadata: what an administrator would import.
func ParseServiceProvider(metadata []byte) (ServiceProvider, error) {
	type endpoint struct {
		Binding  string `xml:",attr"`
		Location string `xml:",attr"`
	}
	var doc struct {
		EntityID string `xml:"entityID,attr"`
		SP       struct {
			Keys []struct {
				Use          string   `xml:"use,attr"`
				Certificates []string `xml:"KeyInfo>X509Data>X509Certificate"`
			} `xml:"KeyDescriptor"`
			ACS []endpoint `xml:"AssertionConsumerService"`
			SLO []endpoint `xml:"SingleLogoutService"`
		} `xml:"SPSSODescriptor"`
	}
	if err := xml.Unmarshal(metadata, &doc); err != nil {
		return ServiceProvider{}, err
	}
	sp := ServiceProvider{EntityID: doc.EntityID}
	for _, e := range doc.SP.ACS {
		sp.ACS = append(sp.ACS, e.Location)
	}
	if len(doc.SP.SLO) > 0 {
		sp.SLO = doc.SP.SLO[0].Location
	}
	for _, k := range doc.SP.Keys {
		if k.Use == "encryption" {
			continue
		}
		for _, c := range k.Certificates {
			der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c), ""))
			if err != nil {
				return ServiceProvider{}, err
			}
			sp.Certificates = append(sp.Certificates, der)
		}
	}
	if sp.EntityID == "" || len(sp.ACS) == 0 {
		return ServiceProvider{}, errors.New("no service provider in this metadata")
	}
	return sp, nil
}
