// Package switches holds the faults and limits that a rehearsal can be run with, so that what AWS does on a bad day
// can be seen on a good one.
package switches

import "time"

// Switches are read by the rooms at each use. The zero value is a good day with AWS's default limits.
type Switches struct {
	LoseBuildEvents bool          // EventBridge loses "build ended" events; only polling notices
	LogDelay        time.Duration // CloudWatch Logs shows events only after this time
	PolicyDelay     time.Duration // IAM policies act only after this time
	BuildSlots      int           // concurrent builds of the account; 0 means 20, below 0 means none
	DuplicateEvents bool          // asynchronous invocations are delivered twice at once
	KillInvocations Span          // these invocations of each function are killed in the middle
	HangInvocations Span          // these invocations of each function stand still until their time-out
	RefusePull      bool          // ECR refuses to serve images to consumers
	CredentialsLife time.Duration // how long the credentials work that services give to builds and functions; 0 means for ever

	ReplicationDelay time.Duration  // how long ECR takes to bring an image to another region; 0 means 20 seconds
	FailReplication  string         // the region that ECR fails to bring images to
	NetworkDelay     time.Duration  // how long NAT gateways and interface endpoints take to make; 0 means 20 seconds
	Throttle         map[string]int // the first n calls of an action ("codebuild:StartBuild", or "*" for each) are throttled
}

// Span is a range of numbers that count from 1, both ends included. The zero Span is empty.
type Span struct{ From, To int }

// Has reports whether the n-th is in the range.
func (s Span) Has(n int) bool { return s.From <= n && n <= s.To }
