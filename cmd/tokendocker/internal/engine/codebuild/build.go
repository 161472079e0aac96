package codebuild

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Statuses of builds and phases (CodeBuild API Reference, Build and BuildPhase).
const (
	statusInProgress = "IN_PROGRESS"
	statusSucceeded  = "SUCCEEDED"
	statusFailed     = "FAILED"
	statusFault      = "FAULT"
	statusTimedOut   = "TIMED_OUT"
	statusStopped    = "STOPPED"
)

// Phases that no buildspec names.
const (
	phaseSubmitted   = "SUBMITTED"
	phaseQueued      = "QUEUED"
	phaseProvision   = "PROVISIONING"
	phaseDownload    = "DOWNLOAD_SOURCE"
	phaseUpload      = "UPLOAD_ARTIFACTS"
	phaseFinalizing  = "FINALIZING"
	phaseCompleted   = "COMPLETED"
	codeInternal     = "INTERNAL_SERVICE_ERROR"
	codeClient       = "CLIENT_ERROR"
	codeAccessDenied = "ACCESS_DENIED"
	codeVPC          = "VPC_CLIENT_ERROR"
)

// build is what is kept of one build, under its id. All times are simulated.
type build struct {
	ID            string // "project:uuid"
	Number        int
	Project       string
	Place         buildPlace
	Status        string
	Phases        []phase
	Start         time.Time
	End           time.Time
	Role          string
	Source        source
	SourceVersion string `json:",omitempty"`

	SecondarySources   []source             `json:",omitempty"`
	SecondaryVersions  []sourceVersion      `json:",omitempty"`
	Artifacts          artifacts            `json:",omitzero"`
	SecondaryArtifacts []artifacts          `json:",omitempty"`
	Delivered          map[string]delivered `json:",omitempty"` // artifacts that are kept, by identifier
	Cache              cache                `json:",omitzero"`

	Environment   environment
	Logs          cloudWatchLogs // where they go; Status DISABLED when nowhere
	Timeout       number         // minutes
	QueuedTimeout number         // minutes
	EncryptionKey string         `json:",omitempty"`
	Initiator     string
	Exported      []variable `json:",omitempty"`
	VPC           *vpcConfig `json:",omitempty"`
	Subnet        string     `json:",omitempty"` // of the VPC, from PROVISIONING on
	Interface     string     `json:",omitempty"` // network interface in it
	Cause         session.Cause
	Token         string `json:",omitempty"` // idempotency token
	InputHash     string `json:",omitempty"` // of the request that had the token
	BuildxSeconds float64
	BuildxRuns    int
}

type buildPlace struct{ Partition, Region, Account string }

type phase struct {
	Type    string
	Status  string `json:",omitempty"` // empty while it runs
	Start   time.Time
	End     time.Time
	Code    string `json:",omitempty"`
	Message string `json:",omitempty"`
}

func (b build) place() place {
	return place{partition: b.Place.Partition, region: b.Place.Region, account: b.Place.Account}
}

func (b build) arn() string { return b.place().build(b.ID) }

// uuid is the part of the id that is the build's own; it names its log stream and session.
func (b build) uuid() string {
	_, id, _ := strings.Cut(b.ID, ":")
	return id
}

// enter begins a phase.
func (b *build) enter(name string, now time.Time) {
	b.Phases = append(b.Phases, phase{Type: name, Start: now})
}

// leave ends the present phase.
func (b *build) leave(status, code, message string, now time.Time) {
	p := &b.Phases[len(b.Phases)-1]
	p.Status, p.Code, p.Message, p.End = status, code, message, now
}

// fault ends a build that nothing runs any more.
func (b *build) fault(now time.Time, why string) {
	if n := len(b.Phases); n > 0 && b.Phases[n-1].Status == "" {
		b.leave(statusFault, codeInternal, why, now)
	}
	b.enter(phaseCompleted, now)
	b.Status, b.End = statusFault, now
}

// buildID returns the id of a build that is named by id or ARN.
func buildID(name string) string {
	if strings.HasPrefix(name, "arn:") {
		if _, id, ok := strings.Cut(name, ":build/"); ok {
			return id
		}
	}
	return name
}

// all returns the builds that keep accepts, in the order of their start.
func (r *Room) all(keep func(build) bool) []build {
	var out []build
	for _, b := range r.builds.All() {
		if keep(b) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b build) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Number, b.Number), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// describe returns the build as BatchGetBuilds tells it.
// Source: CodeBuild API Reference, Build.
func (b build) describe() map[string]any {
	phases := []map[string]any{}
	for _, p := range b.Phases {
		phases = append(phases, p.describe())
	}
	out := map[string]any{
		"id": b.ID, "arn": b.arn(), "buildNumber": b.Number, "projectName": b.Project, "initiator": b.Initiator,
		"startTime": protocol.Timestamp(b.Start), "currentPhase": b.Phases[len(b.Phases)-1].Type, "buildStatus": b.Status,
		"phases": phases, "source": b.Source, "environment": b.Environment, "serviceRole": b.Role,
		"timeoutInMinutes": b.Timeout, "queuedTimeoutInMinutes": b.QueuedTimeout,
		"buildComplete": b.Status != statusInProgress, "encryptionKey": b.key(), "cache": b.Cache,
		"artifacts": b.Artifacts.describe(b), "logs": b.describeLogs(),
		"secondarySources": nonNil(b.SecondarySources), "secondarySourceVersions": nonNil(b.SecondaryVersions),
		"secondaryArtifacts": b.describeSecondary(),
	}
	if b.SourceVersion != "" {
		out["sourceVersion"] = b.SourceVersion
	}
	if b.Status != statusInProgress {
		out["endTime"] = protocol.Timestamp(b.End)
	}
	if b.VPC != nil {
		out["vpcConfig"], out["networkInterface"] = b.VPC, map[string]string{"subnetId": b.Subnet, "networkInterfaceId": b.Interface}
	}
	if len(b.Exported) > 0 {
		out["exportedEnvironmentVariables"] = b.Exported
	}
	return out
}

// nonNil makes an empty list of none.
func nonNil[T any](list []T) []T { return append([]T{}, list...) }

// key is the key of a build's artifacts; without one of its own, S3's in the account.
func (b build) key() string {
	return cmp.Or(b.EncryptionKey, "arn:"+b.Place.Partition+":kms:"+b.Place.Region+":"+b.Place.Account+":alias/aws/s3")
}

func (p phase) describe() map[string]any {
	out := map[string]any{"phaseType": p.Type, "startTime": protocol.Timestamp(p.Start)}
	if p.Status == "" {
		return out
	}
	out["phaseStatus"], out["endTime"] = p.Status, protocol.Timestamp(p.End)
	out["durationInSeconds"] = int(p.End.Sub(p.Start).Seconds())
	if p.Code != "" || p.Type != phaseSubmitted && p.Type != phaseQueued {
		out["contexts"] = []map[string]string{{"statusCode": p.Code, "message": p.Message}}
	}
	return out
}

// describeLogs names group and stream once there is a stream; before, AWS knows only where a link would lead.
func (b build) describeLogs() map[string]any {
	if b.Logs.Status == "DISABLED" {
		return map[string]any{"cloudWatchLogs": b.Logs}
	}
	group, stream := b.Logs.GroupName, "null"
	out := map[string]any{"cloudWatchLogs": cloudWatchLogs{Status: "ENABLED", GroupName: b.Logs.GroupName}}
	if b.provisioned() {
		stream = b.Logs.StreamName
		out["groupName"], out["streamName"] = group, stream
	}
	out["cloudWatchLogsArn"] = "arn:" + b.Place.Partition + ":logs:" + b.Place.Region + ":" + b.Place.Account +
		":log-group:" + group + ":log-stream:" + stream
	out["deepLink"] = "https://console.aws.amazon.com/cloudwatch/home?region=" + b.Place.Region +
		"#logsV2:log-groups/log-group/" + strings.ReplaceAll(group, "/", "$252F") + "/log-events/" + strings.ReplaceAll(stream, "/", "$252F")
	return out
}

// provisioned reports whether the build has come as far as PROVISIONING, where its log stream is made.
func (b build) provisioned() bool {
	return slices.ContainsFunc(b.Phases, func(p phase) bool { return p.Type == phaseProvision })
}
