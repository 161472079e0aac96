package door_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// sign signs a request without a body.
func (f *fixture) sign(t *testing.T, r *http.Request, as *session.Session, service string) {
	t.Helper()
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	keys := aws.Credentials{AccessKeyID: as.AccessKeyID, SecretAccessKey: as.SecretKey, SessionToken: as.Token}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, empty, service, "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestErrorsInXML: clients of REST services with XML read an error's code and message, also of a service that is not there.
// Source: Smithy, "AWS restXml protocol", Operation error serialization, 2026-11.
func TestErrorsInXML(t *testing.T) {
	f := newFixture(t, &switches.Switches{}, &echo{name: "cloudfront"})
	denied := f.sessions.Add(&session.Session{Account: "111122223333", RoleARN: "denied"})
	cases := []struct {
		service, namespace, code string
		status                   int
		message                  string
	}{
		{"cloudfront", "http://cloudfront.amazonaws.com/doc/2020-05-31/", "AccessDenied", http.StatusForbidden, "not authorized to perform: cloudfront:GET"},
		{"route53", "https://route53.amazonaws.com/doc/2013-04-01/", "UnknownOperationException", http.StatusBadRequest, `no service "route53"`},
	}
	for _, c := range cases {
		t.Run(c.service, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/2020-05-31/x", nil)
			if err != nil {
				t.Fatal(err)
			}
			f.sign(t, r, denied, c.service)
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close() //nolint:errcheck // a test
			var got struct {
				XMLName xml.Name
				Error   struct{ Type, Code, Message string }
			}
			if err := xml.NewDecoder(answer.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if got.XMLName.Local != "ErrorResponse" || got.XMLName.Space != c.namespace || got.Error.Type != "Sender" || got.Error.Code != c.code ||
				answer.StatusCode != c.status || !strings.Contains(got.Error.Message, c.message) {
				t.Errorf("%d %+v, want %+v", answer.StatusCode, got, c)
			}
		})
	}
}

// TestServiceThatIsNotThere is refused by its name, also where a request has a target that the door does not know.
func TestServiceThatIsNotThere(t *testing.T) {
	f := newFixture(t, &switches.Switches{})
	for _, target := range []string{"", "CertificateManager.RequestCertificate"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		}
		f.sign(t, r, f.operator, "acm")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), `no service \"acm\"`) {
			t.Errorf("target %q: %d %s, %v", target, answer.StatusCode, text, err)
		}
		answer.Body.Close() //nolint:errcheck // a test
	}
}
