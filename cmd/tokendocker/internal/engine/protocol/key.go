package protocol

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/partition"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// KeyUse is what a service asks of a KMS key on behalf of its caller.
type KeyUse struct {
	Action  string            // "kms:Decrypt"
	Key     string            // key id, key ARN, alias name or alias ARN
	Via     string            // the service's host, "secretsmanager.eu-west-1.amazonaws.com"
	Context map[string]string // encryption context
}

// Keys decides who may use KMS keys.
type Keys interface {
	// Allow decides a service's use of a key for its caller, by the key's policy and the caller's own. It fails with
	// KMS's NotFoundException, DisabledException and KMSInvalidStateException, or with IAM's AccessDeniedException.
	Allow(ctx context.Context, as *session.Session, region string, u KeyUse) error
}

// ViaService is the name by which KMS knows a service in a region of a partition, the value of the condition key kms:ViaService.
// Source: AWS KMS Developer Guide, "kms:ViaService".
func ViaService(service, region, in string) string {
	return service + "." + region + "." + partition.Suffix(in)
}
