package codebuild

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// eventTime is how times stand in events.
const eventTime = "Jan 2, 2006 3:04:05 PM"

// tellState tells EventBridge that the build has another status.
// Source: AWS CodeBuild User Guide, "Build notifications input format reference".
func (l *life) tellState() {
	b := l.build
	status := b.Status
	if status == statusTimedOut || status == statusFault {
		status = statusFailed // the page lists four statuses
	}
	l.publish("CodeBuild Build State Change", map[string]any{
		"build-status": status, "project-name": b.Project, "build-id": b.arn(), "additional-information": b.additional(),
		"current-phase": b.Phases[len(b.Phases)-1].Type, "current-phase-context": "[]", "version": "1",
	})
}

// tellPhase tells EventBridge of the phase that has just ended.
// Source: AWS CodeBuild User Guide, "Build notifications input format reference".
func (l *life) tellPhase() {
	b := l.build
	p := b.Phases[len(b.Phases)-1]
	l.publish("CodeBuild Build Phase Change", map[string]any{
		"completed-phase": p.Type, "project-name": b.Project, "build-id": b.arn(), "completed-phase-context": "[" + p.context() + "]",
		"additional-information": b.additional(), "completed-phase-status": p.Status,
		"completed-phase-duration-seconds": p.End.Sub(p.Start).Seconds(), "version": "1",
		"completed-phase-start": p.Start.UTC().Format(eventTime), "completed-phase-end": p.End.UTC().Format(eventTime),
	})
}

func (l *life) publish(kind string, detail map[string]any) {
	if l.room.Publish == nil || l.room.Switches.LoseBuildEvents {
		return
	}
	l.room.Publish(protocol.Event{Source: "aws.codebuild", DetailType: kind, Account: l.build.Place.Account, Region: l.build.Place.Region,
		Time: l.room.Clock.Now(), Resources: []string{l.build.arn()}, Detail: detail})
}

// additional is what all events tell of a build: what BatchGetBuilds tells, in the events' spelling.
func (b build) additional() map[string]any {
	phases := []map[string]any{}
	for _, p := range b.Phases {
		one := map[string]any{"phase-type": p.Type, "start-time": p.Start.UTC().Format(eventTime), "phase-context": []string{}}
		if p.Status != "" {
			one["phase-status"], one["end-time"] = p.Status, p.End.UTC().Format(eventTime)
			one["duration-in-seconds"], one["phase-context"] = p.End.Sub(p.Start).Seconds(), []string{p.context()}
		}
		phases = append(phases, one)
	}
	out := map[string]any{"phases": phases, "build-start-time": b.Start.UTC().Format(eventTime)}
	all := b.describe()
	for field, name := range map[string]string{"artifacts": "artifact", "environment": "environment", "timeoutInMinutes": "timeout-in-minutes",
		"queuedTimeoutInMinutes": "queued-timeout-in-minutes", "buildComplete": "build-complete", "buildNumber": "build-number", "initiator": "initiator",
		"source": "source", "sourceVersion": "source-version", "logs": "logs", "cache": "cache", "networkInterface": "network-interface", "vpcConfig": "vpc-config"} {
		if value, ok := all[field]; ok {
			out[name] = kebab(value)
		}
	}
	return out
}

func (p phase) context() string { return p.Code + ": " + p.Message }

// kebab spells the fields of a value as events do: "compute-type".
func kebab(value any) any {
	text, err := json.Marshal(value)
	var plain any
	if err != nil || json.Unmarshal(text, &plain) != nil {
		return nil // what the API tells is JSON
	}
	return respell(plain)
}

func respell(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, v := range value {
			out[kebabName(name)] = respell(v)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, v := range value {
			out[i] = respell(v)
		}
		return out
	}
	return value
}

func kebabName(name string) string {
	var out strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			out.WriteByte('-')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
