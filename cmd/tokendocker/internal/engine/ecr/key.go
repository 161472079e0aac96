package ecr

import (
	"context"
	"errors"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// mayUseKey asks for the right of whoever makes a repository to its key: ECR looks at the key for them and gives itself
// grants. Later pushes and pulls use those grants, so who pushes or pulls needs no right to the key.
// Source: Amazon ECR User Guide, "Encryption at rest".
func (r *Room) mayUseKey(ctx context.Context, as *session.Session, at place, e *encryption) error {
	if e == nil || e.KMSKey == "" {
		return nil // ECR's own, or the account's AWS-managed one
	}
	for _, action := range []string{"kms:DescribeKey", "kms:CreateGrant"} {
		err := r.Keys.Allow(ctx, as, at.region, protocol.KeyUse{Action: action, Key: e.KMSKey,
			Via: protocol.ViaService("ecr", at.region, at.partition)})
		var refused *protocol.Error
		switch {
		case errors.As(err, &refused):
			return &protocol.Error{Code: "KmsException", Message: refused.Message, Hint: refused.Hint,
				Fields: map[string]any{"kmsError": refused.Code}}
		case err != nil:
			return err
		}
	}
	return nil
}
