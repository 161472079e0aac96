package secretsmanager

import (
	"cmp"
	"context"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Days after which a deleted secret is gone. Source: Secrets Manager API Reference, DeleteSecret.
const (
	defaultWindow = 30
	minWindow     = 7
	maxWindow     = 30
)

// deleteSecret marks a secret for deletion: its name is not free, and its value cannot be read, until the recovery
// window is over. Forced, it is gone at once.
func (r *Room) deleteSecret(_ context.Context, call *protocol.Call, in struct {
	SecretID string `json:"SecretId"`
	Days     int    `json:"RecoveryWindowInDays"`
	Force    bool   `json:"ForceDeleteWithoutRecovery"`
}) (any, error) {
	s, found := r.find(call.Region, in.SecretID)
	switch {
	case in.Force && in.Days != 0:
		return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case in.Days != 0 && (in.Days < minWindow || in.Days > maxWindow):
		return nil, invalidParameter("The RecoveryWindowInDays value must be between %d and %d days (inclusive).", minWindow, maxWindow)
	case !found:
		return nil, errNotFound()
	}
	now := r.Clock.Now()
	if in.Force {
		return map[string]any{"ARN": s.ARN, "Name": s.Name, "DeletionDate": protocol.Timestamp(now)}, r.secrets.Delete(s.ARN)
	}
	s, err := r.change(call.Region, in.SecretID, func(s *secret) error {
		s.Deletion = now.Add(time.Duration(cmp.Or(in.Days, defaultWindow)) * 24 * time.Hour)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"ARN": s.ARN, "Name": s.Name, "DeletionDate": protocol.Timestamp(s.Deletion)}, nil
}

func (r *Room) restoreSecret(_ context.Context, call *protocol.Call, in idInput) (any, error) {
	s, found := r.find(call.Region, in.SecretID)
	if !found {
		return nil, errNotFound()
	}
	err := r.secrets.Update(s.ARN, func(now secret, found bool) (secret, error) {
		if !found {
			now = s
		}
		now.Deletion = time.Time{}
		return now, nil
	})
	return map[string]any{"ARN": s.ARN, "Name": s.Name}, err
}
