package cloudformation

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Status is a status of a stack or of a resource, in CloudFormation's words.
type Status string

// The statuses of stacks. Resources have those without ROLLBACK and CLEANUP, and DeleteSkipped.
const (
	ReviewInProgress              Status = "REVIEW_IN_PROGRESS" // only a change set that would create it is there
	CreateInProgress              Status = "CREATE_IN_PROGRESS"
	CreateFailed                  Status = "CREATE_FAILED"
	CreateComplete                Status = "CREATE_COMPLETE"
	RollbackInProgress            Status = "ROLLBACK_IN_PROGRESS"
	RollbackFailed                Status = "ROLLBACK_FAILED"
	RollbackComplete              Status = "ROLLBACK_COMPLETE"
	UpdateInProgress              Status = "UPDATE_IN_PROGRESS"
	UpdateFailed                  Status = "UPDATE_FAILED"
	UpdateComplete                Status = "UPDATE_COMPLETE"
	UpdateCompleteCleanup         Status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
	UpdateRollbackInProgress      Status = "UPDATE_ROLLBACK_IN_PROGRESS"
	UpdateRollbackFailed          Status = "UPDATE_ROLLBACK_FAILED"
	UpdateRollbackCompleteCleanup Status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
	UpdateRollbackComplete        Status = "UPDATE_ROLLBACK_COMPLETE"
	DeleteInProgress              Status = "DELETE_IN_PROGRESS"
	DeleteFailed                  Status = "DELETE_FAILED"
	DeleteComplete                Status = "DELETE_COMPLETE"
	DeleteSkipped                 Status = "DELETE_SKIPPED" // of a resource that its policy retains
	ImportInProgress              Status = "IMPORT_IN_PROGRESS"
	ImportFailed                  Status = "IMPORT_FAILED" // of a resource
	ImportComplete                Status = "IMPORT_COMPLETE"
	ImportRollbackInProgress      Status = "IMPORT_ROLLBACK_IN_PROGRESS"
	ImportRollbackComplete        Status = "IMPORT_ROLLBACK_COMPLETE"
)

const (
	stackType  = "AWS::CloudFormation::Stack"
	customType = "AWS::CloudFormation::CustomResource"

	policyRetain               = "Retain"
	policyRetainExceptOnCreate = "RetainExceptOnCreate"
)

// InProgress reports whether an operation runs, or was running when its process was killed.
func (s Status) InProgress() bool { return strings.HasSuffix(string(s), "_IN_PROGRESS") }

// Failed reports whether the last operation left the stack in need of another one.
func (s Status) Failed() bool { return strings.HasSuffix(string(s), "_FAILED") }

// stackRecord is a stack as it is kept.
type stackRecord struct {
	ID, Name, Region string
	Status           Status
	Reason           string
	Created, Updated time.Time         // simulated
	Completed        bool              // it has reached a complete state once; before that a roll-back deletes it
	Parameters       map[string]string // as given or by default
	Hidden           []string          // names of NoEcho parameters
	Tags             map[string]string
	Outputs          []Output
	Imports          []string // names of exports that it uses

	Description             string
	Capabilities, Notify    []string
	RoleARN, ChangeSetID    string
	Resolved                map[string]string // by parameter, what Systems Manager gave
	Protected, NoRollback   bool
	RetainExceptOnCreate    bool          // its last deployment deletes new resources when it rolls back, whatever their policies
	Timeout                 time.Duration // of its creation; 0: none
	Policy                  string        // JSON text of the stack policy; empty: none
	PolicyDuringUpdate      string        // in place of Policy while an update runs
	Operations              []Operation   // the last ones, the newest first
	Begun, Changed, Deleted time.Time     // real

	ParentID, RootID string   // of a nested stack
	Earlier          *earlier // of a nested stack that waits for its parent
}

// version is a resource at one point of its life.
type version struct {
	PhysicalID          string
	Ref                 string          // empty: the physical id
	Properties          json.RawMessage // resolved, but for secrets
	Attributes          map[string]any
	DependsOn           []string
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// record is a resource of a stack as it is kept.
type record struct {
	StackID, LogicalID, Type, Path string
	Status                         Status
	Current                        *version  // as it is, or as the call under way would make it; nil: nothing exists
	Touched                        bool      // the operation under way has called the provider
	Before                         *version  // when Touched: as it was before the operation; nil: did not exist
	Replacing                      bool      // when Touched: Current was made by Create beside Before
	Garbage                        []version // replaced; to be deleted in clean-up
	Removed                        bool      // no longer in the template; to be deleted in clean-up
	Stuck                          bool      // the roll-back of an update could not bring it back
	Adopted                        bool      // it was there before the stack
}

func (r *record) key() string { return r.StackID + "|" + r.LogicalID }

// custom reports whether a type's resources are made by a Lambda function.
func custom(resourceType string) bool {
	return resourceType == customType || strings.HasPrefix(resourceType, "Custom::")
}

// request describes the version v of the resource to its provider, without secrets.
func (r *record) request(stack resource.Stack, v *version) resource.Request {
	return resource.Request{Stack: stack, Type: r.Type, LogicalID: r.LogicalID, Path: r.Path,
		PhysicalID: v.PhysicalID, Properties: decode(v.Properties), Attributes: v.Attributes}
}

// decode returns properties as encoding/json does, each time a copy of its own.
func decode(raw json.RawMessage) map[string]any {
	out := map[string]any{}
	_ = json.Unmarshal(raw, &out) // it was marshalled from such a map, and is empty where there was none
	return out
}

// load returns the resources of a stack by logical id.
func (s *Service) load(stackID string) map[string]*record {
	out := map[string]*record{}
	for _, r := range s.records.All() {
		if r.StackID == stackID {
			out[r.LogicalID] = &r
		}
	}
	return out
}
