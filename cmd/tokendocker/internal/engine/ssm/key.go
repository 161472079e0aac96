package ssm

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const secureString = "SecureString"

// managedKey is what encrypts a secure string that names no key; everybody in the account may use it through Systems
// Manager.
const managedKey = "alias/aws/ssm"

// mayUseKeys asks for the caller's right to the customer-managed keys of the secure strings that a call reads or
// writes, which the Parameter Store uses for the caller. Reading by path is not asked for.
// Source: AWS Systems Manager User Guide, "AWS KMS encryption for AWS Systems Manager Parameter Store SecureString
// parameters".
func (r *Room) mayUseKeys(ctx context.Context, call *protocol.Call) error {
	var in struct {
		putInput
		Names          []string
		WithDecryption bool
	}
	if err := protocol.Decode(call, &in); err != nil {
		return err
	}
	if call.Operation == "PutParameter" && in.Type == secureString {
		action := "kms:Encrypt"
		if in.tier("") == "Advanced" {
			action = "kms:GenerateDataKey"
		}
		return r.mayUse(ctx, call, action, in.KeyID, in.Name)
	}
	if !in.WithDecryption {
		return nil
	}
	for _, reference := range slices.Concat(in.Names, []string{in.Name}) {
		name, _ := split(reference)
		p, found, err := r.parameters.Get(tableKey(call.Region, name))
		if err != nil || !found || p.Type != secureString {
			continue // the operation itself says so
		}
		if err := r.mayUse(ctx, call, "kms:Decrypt", p.Key, p.Name); err != nil {
			return err
		}
	}
	return nil
}

func (r *Room) mayUse(ctx context.Context, call *protocol.Call, action, key, name string) error {
	if key == "" || strings.HasSuffix(key, managedKey) {
		return nil
	}
	err := r.Keys.Allow(ctx, call.Session, call.Region, protocol.KeyUse{
		Action: action, Key: key, Via: protocol.ViaService("ssm", call.Region, r.Partition),
		Context: map[string]string{"PARAMETER_ARN": r.arn(call.Region, name)},
	})
	var e *protocol.Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Code == "AccessDeniedException" && action == "kms:Decrypt":
		return &protocol.Error{Code: e.Code, Hint: e.Hint, Message: "The ciphertext refers to a customer master key that does not exist, " +
			"does not exist in this region, or you are not allowed to access."}
	case e.Code == "AccessDeniedException":
		return e
	}
	return protocol.Errorf("InvalidKeyId", "%s", e.Message)
}
