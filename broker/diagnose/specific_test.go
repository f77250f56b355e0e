package diagnose_test

import (
	"slices"
	"testing"
	"time"

	"cloakroom/broker/admin"
	"cloakroom/broker/diagnose"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
)

// A missing address comes with the field that sends it, and with the question whether it is this person or everybody.
func TestMissingAddressNamesTheField(t *testing.T) {
	noticed := &fault.Error{Code: fault.SAMLNoEmail, Fix: "Tick Include in SAML assertion.", Labels: []string{"Include in SAML assertion"}, Confidence: fault.Likely,
		Alternatives: []fault.Alternative{{Code: fault.IdPNoValue, Question: "Do others get in?"}}}
	c := connection("onelogin", "saml")
	conn := &registry.Connection{Connection: c, Provider: gate{found: []error{noticed, fault.New(fault.EmailMissing, "looked for email")}}, Callback: acs}
	x := &diagnose.Examiner{Connections: shelf{conn}, Labels: labels, BaseURL: base, Now: time.Now}
	d, err := x.Explain(t.Context(), c, admin.Explainable{SAMLResponse: "<Response/>"})
	if err != nil || len(d.Findings) != 1 {
		t.Fatalf("%v: %+v", err, d.Findings)
	}
	f := d.Diagnosis
	if f.Code != string(fault.EmailMissing) || f.Fix != noticed.Fix || !slices.Equal(f.Labels, noticed.Labels) ||
		!slices.ContainsFunc(f.Alternatives, func(a admin.Alternative) bool { return a.Code == string(fault.IdPNoValue) }) {
		t.Errorf("%+v", f)
	}
}
