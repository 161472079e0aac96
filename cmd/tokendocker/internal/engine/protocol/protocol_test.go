package protocol_test

import (
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

func TestOwnerOf(t *testing.T) {
	for text, want := range map[string]string{
		"arn:aws:iam::111122223333:role/r":               "111122223333",
		"arn:aws:kms:eu-west-1:111122223333:key/k":       "111122223333",
		"arn:aws:s3:::box/a:b:c":                         "",
		"arn:aws:iam::aws:policy/AdministratorAccess":    "",
		"arn:aws:ssm:eu-west-1::parameter/aws/service/x": "",
		"arn:aws:iam":                      "",
		"role/r":                           "",
		"":                                 "",
		"urn:aws:iam::111122223333:role/r": "",
		"arn:aws:logs:eu-west-1:111122223333:log-group:g": "111122223333",
	} {
		if got := protocol.OwnerOf(text); got != want {
			t.Errorf("%s is of %q, want %q", text, got, want)
		}
	}
}
