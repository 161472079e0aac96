package buildlog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The forms of what CodeBuild's agent says (awslabs/aws-deployment-framework#471,
// aws/aws-codebuild-docker-images#102; no page of AWS documents them).
var (
	agentLine  = regexp.MustCompile(`^\[Container\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)? (.*)$`)
	exitStatus = regexp.MustCompile(`^(.*?)[ .]*(?:Reason: )?exit status (\d+)$`)
	phaseEnd   = regexp.MustCompile(`^Phase context status code: ([A-Z_]+) Message: (.*)$`)
)

const (
	running = "Running command "
	stopped = "Command did not exit successfully "
)

// codebuild reads a log in which our command never began: one of the user's commands failed, or CodeBuild itself has
// something to say.
func codebuild(all []string) Failure {
	for i := len(all) - 1; i >= 0; i-- {
		said := agentLine.FindStringSubmatch(all[i])
		if said == nil {
			continue
		}
		if command, ok := strings.CutPrefix(said[1], stopped); ok {
			return failedCommand(all, i, command)
		}
	}
	f := Failure{ExitCode: -1}
	for _, line := range all {
		if said := agentLine.FindStringSubmatch(line); said != nil {
			if m := phaseEnd.FindStringSubmatch(said[1]); m != nil {
				f.Message = clip(m[1] + ": " + m[2])
			}
		}
	}
	return f
}

// cutShort is where CodeBuild says of our command that it did not come to its end, and whether it was killed. What follows
// there is the command's own text.
func cutShort(all []string, from int) (stop int, killed bool) {
	for i := from; i < len(all); i++ {
		said := agentLine.FindStringSubmatch(all[i])
		if said == nil {
			continue
		}
		if command, ok := strings.CutPrefix(said[1], stopped); ok {
			return i, failedCommand(all, i, command).ExitCode == 128+9
		}
	}
	return len(all), false
}

// failedCommand reads the failure of a user's command: CodeBuild's line at the index at begins with the command, which may
// have many lines, and ends with its exit status. Its output stands between the command's echo and that line.
func failedCommand(all []string, at int, command string) Failure {
	f := Failure{Kind: Command, ExitCode: -1}
	text := []string{command}
	for i := at + 1; i < len(all) && !exitStatus.MatchString(text[len(text)-1]) && !agentLine.MatchString(all[i]); i++ {
		text = append(text, all[i])
	}
	if m := exitStatus.FindStringSubmatch(text[len(text)-1]); m != nil {
		f.ExitCode, _ = strconv.Atoi(m[2])
		text[len(text)-1] = m[1]
	}
	f.Step = clip(text[0])

	start := 0
	for i := at - 1; i >= 0; i-- {
		if said := agentLine.FindStringSubmatch(all[i]); said != nil {
			start = i + 1
			if echo, ok := strings.CutPrefix(said[1], running); ok && echo == text[0] {
				start = min(i+len(text), at)
			}
			break
		}
	}
	f.Tail = tail(slices.Clone(all[start:at]))
	return f
}
