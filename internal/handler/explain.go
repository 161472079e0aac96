package handler

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/internal/buildlog"
	"github.com/tokendocker/tokendocker/internal/contract"
)

// explain composes the text for a build that left no image. Its first line is what a user sees in CloudFormation.
func (h *Handler) explain(ctx context.Context, r request, b builder, build Build) string {
	log := h.readLog(ctx, build)
	phase := build.failed()
	var head string
	switch {
	case build.Status == "TIMED_OUT" || build.Status == inProgress:
		head = overtime(build, phase)
	case build.Status == "STOPPED":
		head = "The build was stopped before it ended, in CodeBuild's console or by StopBuild; deploy again."
	case build.Status == "FAULT":
		head = "CodeBuild itself failed" + inPhase(phase) + "; deploy again, and look at AWS Health when it stays so."
	case build.Status == "SUCCEEDED":
		head = fmt.Sprintf("The build succeeded, but repository %s holds no image with tag %s: something deleted it; "+
			"look for lifecycle rules and clean-up jobs, then deploy again.", b.Repository.Name, b.tag)
	case phase.early():
		head = earlyFailure(r, b, build, phase)
	case log.failure.Kind == buildlog.Unknown:
		head = strings.TrimSpace("The build failed" + inPhase(phase) + ". " + lastStep(log.failure))
	default:
		h.logTail(log.failure)
		return log.failure.Reason(log.where, h.room(r))
	}
	h.logTail(log.failure)
	return compose(head, log.failure.Tail, log.where, h.room(r))
}

// lastStep is the step of a docker build that ended without a word, as one does that is killed.
func lastStep(f buildlog.Failure) string {
	if f.Step == "" {
		return ""
	}
	return f.Summary()
}

// overtime tells a build that ran too long from one that never ran.
func overtime(build Build, failed Phase) string {
	if failed.Type == "QUEUED" || build.Status == inProgress && build.Phase == "QUEUED" {
		return "The build waited for a free build slot of CodeBuild until the time was over. " + slotHint
	}
	if waited := build.queued(); build.Status == inProgress && waited >= time.Minute {
		return fmt.Sprintf("The build was still in phase %s when CloudFormation's time for it was over, and was stopped; it had waited %.0f minutes for "+
			"a free build slot of CodeBuild. %s", build.Phase, waited.Minutes(), slotHint)
	}
	if build.Status == inProgress {
		return fmt.Sprintf("The build was still in phase %s when CloudFormation's time for it was over, and was stopped; "+
			"raise BuildTimeout (%d minutes at most) or make the build faster.", build.Phase, contract.MaxBuildMinutes)
	}
	return fmt.Sprintf("The build did not end within its %d minutes; raise BuildTimeout (%d at most) or make the build faster.",
		build.Minutes, contract.MaxBuildMinutes)
}

// queued is how long the build waited for a slot.
func (b Build) queued() time.Duration {
	for _, p := range b.Phases {
		if p.Type == "QUEUED" {
			return time.Duration(p.Seconds) * time.Second
		}
	}
	return 0
}

// slotHint is the way out of the account's limit.
const slotHint = "Ask for more concurrent builds of this kind (Service Quotas, AWS CodeBuild: a new account may have one " +
	"slot or none), or deploy when fewer builds run."

// throttleHint is the way out of too many calls.
const throttleHint = "Deploy again when less is going on in the account, or fewer stacks at a time; Service Quotas names the limits of calls."

// earlyFailure explains a build that ended before its own commands.
func earlyFailure(r request, b builder, build Build, phase Phase) string {
	_, access := build.accessError()
	if phase.noSource() {
		return fmt.Sprintf("The build context s3://%s/%s is not in S3 any more%s; deploy again, which uploads it, and look for "+
			"lifecycle rules and clean-up jobs on that bucket.", b.Source.Bucket, b.Source.Key, inPhase(phase))
	}
	if access && !(b.Login != nil && strings.Contains(phase.Message, "secretsmanager")) {
		action, also := "", ""
		if phase.Type == "DOWNLOAD_SOURCE" {
			action = fmt.Sprintf(" (s3:GetObject on arn:%s:s3:::%s/%s)", partition(r.StackID), b.Source.Bucket, b.Source.Key)
			also = " S3 may say the same of an object that is not there any more; then deploy again, which uploads it."
		}
		return fmt.Sprintf("A permission is missing%s: role %s was refused access%s; allow it, and look for service "+
			"control policies and permission boundaries that deny it.%s", action, build.Role, inPhase(phase), also)
	}
	said := phase.Code + " " + phase.Message
	switch {
	case b.Login != nil && strings.Contains(strings.ToLower(strings.ReplaceAll(said, " ", "")), "secretsmanager"):
		return fmt.Sprintf("CodeBuild could not read the secret of the docker login, %s,%s; look at its ARN and region, and "+
			"whether it is a JSON object with the keys \"username\" and \"password\".", b.Login.Secret, inPhase(phase))
	case strings.Contains(said, "UNABLE_TO_PULL"):
		return "CodeBuild could not pull the image that builds run in" + inPhase(phase) +
			"; look at BuildImage: its name, and who may pull it."
	case strings.Contains(said, "VPC_CLIENT_ERROR"):
		return "CodeBuild could not join the VPC" + inPhase(phase) +
			"; look at its subnets and security groups, and whether they still exist."
	}
	if phase.Type == "DOWNLOAD_SOURCE" {
		return "CodeBuild could not fetch the build context" + inPhase(phase) +
			"; in a VPC look for the route to S3, else deploy again."
	}
	return "CodeBuild could not provide a machine for the build" + inPhase(phase) +
		"; look at the build image's name, and in a VPC at subnets, security groups and routes."
}

// partition is the AWS partition that an ARN stands in.
func partition(arn string) string {
	if parts := strings.SplitN(arn, ":", 3); len(parts) == 3 {
		return parts[1]
	}
	return "aws"
}

// inPhase says where a build ended and what CodeBuild tells about it.
func inPhase(p Phase) string {
	if p.Type == "" {
		return ""
	}
	text, message := " in phase "+p.Type, p.Message
	if at := strings.LastIndex(message, "Reason: "); at > 0 && strings.Contains(message, "\n") {
		message = message[at:] // before it stands the whole command, which is our own
	}
	if detail := strings.Trim(p.Code+": "+message, ": \n"); detail != "" {
		text += " (" + detail + ")"
	}
	return text
}

// noTime is the text when no build fits into the time that is left.
func noTime(s *State, b builder) string {
	if s.Busy {
		return "CodeBuild had no free build slot until the time was over. " + slotHint
	}
	return fmt.Sprintf("The time that CloudFormation gives this resource, %s, was over before a build could begin; "+
		"deploy again.", b.service)
}

// refusedStart is the text for a build that CodeBuild or Step Functions refused to start.
func refusedStart(b builder, o *Outcome) string {
	if o.Error == notFoundError {
		return fmt.Sprintf("CodeBuild project %s does not exist, so nothing was built; deploy again.", b.Project)
	}
	if strings.Contains(o.Error+o.Cause, "Throttling") || strings.Contains(o.Cause, "Rate exceeded") {
		return fmt.Sprintf("AWS throttled every start of the build of project %s for %.0f minutes (%s): %s\n%s", b.Project, propagation.Minutes(), o.Error, o.Cause, throttleHint)
	}
	return fmt.Sprintf("The build of project %s could not be started (%s): %s\nWhere access is refused, look at the state "+
		"machine's role (codebuild:StartBuild) and at the project's service role (who may assume it).", b.Project, o.Error, o.Cause)
}

// lost is the text for a build of which CodeBuild knows nothing.
func lost(b builder, o *Outcome) string {
	if o.ID == "" {
		return fmt.Sprintf("No build of project %s was started (%s); deploy again.", b.Project, o.Error)
	}
	return fmt.Sprintf("Build %s left no image, and CodeBuild does not know it any more; deploy again.", o.ID)
}

// refusal is the text for an image that no consumer would take.
func refusal(b builder, f found) string {
	return fmt.Sprintf("The build pushed an image that Lambda and ECS do not take: %v. It was deleted from %s, so that the next "+
		"deploy builds it anew.", f.refused, b.Repository.Name)
}

// compose puts a text together: what failed, as many last lines of output as fit, and where the whole log is.
func compose(head string, tail []string, where string, room int) string {
	for ; ; tail = tail[1:] {
		parts := []string{head}
		if len(tail) > 0 {
			parts = append(parts, "Last output:", strings.Join(tail, "\n"))
		}
		if where != "" {
			parts = append(parts, where)
		}
		text := strings.Join(parts, "\n")
		if len(tail) == 0 || contract.Escaped(text) <= room {
			return text
		}
	}
}
