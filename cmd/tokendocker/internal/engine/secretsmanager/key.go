package secretsmanager

import (
	"context"
	"errors"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// mayUse asks for a caller's right to a secret's customer-managed key, which Secrets Manager uses for the caller. The
// account's AWS-managed key is everybody's. It fails with AccessDeniedException, or with EncryptionFailure or
// DecryptionFailure for a key that cannot be used.
// Source: AWS Secrets Manager User Guide, "Secret encryption and decryption"; API Reference, GetSecretValue.
func (r *Room) mayUse(ctx context.Context, as *session.Session, s secret, v version, actions ...string) error {
	if s.Key == "" || strings.HasSuffix(s.Key, "alias/aws/secretsmanager") {
		return nil
	}
	for _, action := range actions {
		err := r.Keys.Allow(ctx, as, s.Region, protocol.KeyUse{
			Action: action, Key: s.Key, Via: protocol.ViaService("secretsmanager", s.Region, r.Partition),
			Context: map[string]string{"SecretARN": s.ARN, "SecretVersionId": v.ID},
		})
		if err != nil {
			return keyError(err, actions[0])
		}
	}
	return nil
}

// keyError is KMS's refusal in Secrets Manager's words.
func keyError(err error, action string) error {
	var e *protocol.Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Code == "AccessDeniedException":
		return &protocol.Error{Code: e.Code, Message: "Access to KMS is not allowed", Hint: e.Hint}
	case action == "kms:Decrypt":
		return protocol.Errorf("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
	}
	return protocol.Errorf("EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "+
		"Check that the KMS key is available, enabled, and not in an invalid state.")
}
