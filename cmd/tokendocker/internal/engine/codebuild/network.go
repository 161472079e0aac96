package codebuild

import (
	"context"
	"errors"
	"maps"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Network is the virtual network that builds can run in. Errors of it are protocol.Errors of EC2.
type Network interface {
	// Check fails if a VPC, its subnets or its security groups are not there, or do not belong together.
	Check(region, vpc string, subnets, groups []string) error
	// Attach makes a network interface in a subnet and returns its identifier.
	Attach(region, subnet string, groups []string, what string) (id string, err error)
	// Detach deletes an interface that Attach made.
	Detach(region, id string) error
	// Unreachable returns those of the services, named as VPC endpoints name them, that such an interface cannot reach.
	Unreachable(region, subnet string, groups, services []string) []string
}

// Most of what a project's network names (CodeBuild API Reference, VpcConfig).
const maxSubnets, maxGroups = 16, 5

// vpcConfig is the network of a project's builds.
type vpcConfig struct {
	ID      string   `json:"vpcId"`
	Subnets []string `json:"subnets"`
	Groups  []string `json:"securityGroupIds"`
}

// check looks at what the project says of its network.
func (v *vpcConfig) check() error {
	switch {
	case v == nil:
	case v.ID == "" || len(v.Subnets) == 0 || len(v.Groups) == 0:
		return invalid("Invalid vpcConfig: it must have a VPC ID, at least one subnet and at least one security group")
	case len(v.Subnets) > maxSubnets || len(v.Groups) > maxGroups:
		return invalid("Invalid vpcConfig: it must have at most %d subnets and %d security groups", maxSubnets, maxGroups)
	}
	return nil
}

// checkNetwork refuses a network that is not there, or that the project's role may not look at, as CreateProject and
// UpdateProject do (aws/aws-cdk#11815).
func (r *Room) checkNetwork(ctx context.Context, p project, region string, role *session.Session) error {
	if p.VPC == nil {
		return nil
	}
	for _, name := range []string{"DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"} {
		if err := r.Caller.Allow(ctx, role, region, protocol.Need{Action: "ec2:" + name, Resources: []string{"*"}}); err != nil {
			return invalid("Not authorized to perform %s", name).WithHintOf(err)
		}
	}
	if err := r.Network.Check(region, p.VPC.ID, p.VPC.Subnets, p.VPC.Groups); err != nil {
		return invalid("Invalid vpcConfig: %v", err)
	}
	return nil
}

// member is a build's place in a network.
type member struct {
	build, region, subnet string
	groups                []string
}

// join puts the build's interface into its network, as the build's role. Each build takes the next of the subnets.
// Source: AWS CodeBuild User Guide, "Allow CodeBuild access to AWS services required to create a VPC network interface".
func (l *life) join(ctx context.Context) error {
	v, region := l.build.VPC, l.build.Place.Region
	if v == nil {
		return nil
	}
	l.build.Subnet = v.Subnets[(l.build.Number-1)%len(v.Subnets)]
	arn := func(resource string) string {
		return "arn:" + l.build.Place.Partition + ":ec2:" + region + ":" + l.build.Place.Account + ":" + resource
	}
	conditions := map[string][]string{"ec2:Subnet": {arn("subnet/" + l.build.Subnet)}, "ec2:Vpc": {arn("vpc/" + v.ID)}}
	create := []string{arn("network-interface/*"), arn("subnet/" + l.build.Subnet)}
	for _, group := range v.Groups {
		create = append(create, arn("security-group/"+group))
	}
	for _, name := range []string{"DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups", "DescribeDhcpOptions", "DescribeNetworkInterfaces"} {
		if err := l.mayEC2(ctx, protocol.Need{Action: "ec2:" + name, Resources: []string{"*"}}); err != nil {
			return err
		}
	}
	if err := l.mayEC2(ctx, protocol.Need{Action: "ec2:CreateNetworkInterface", Resources: create, Conditions: conditions}); err != nil {
		return err
	}
	id, err := l.room.Network.Attach(region, l.build.Subnet, v.Groups, "AWS CodeBuild "+l.build.ID)
	if err != nil {
		return vpcError(err)
	}
	l.build.Interface = id
	l.save()
	conditions["ec2:AuthorizedService"] = []string{service}
	permission := protocol.Need{Action: "ec2:CreateNetworkInterfacePermission", Resources: []string{arn("network-interface/" + id)}, Conditions: conditions}
	if err := l.mayEC2(ctx, permission); err != nil {
		return err
	}
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	l.room.members[l.role.AccessKeyID] = member{l.build.ID, region, l.build.Subnet, v.Groups}
	return nil
}

func (l *life) mayEC2(ctx context.Context, need protocol.Need) error {
	if err := l.room.Caller.Allow(ctx, l.role, l.build.Place.Region, need); err != nil {
		return fail(codeVPC, "Unexpected EC2 error: UnauthorizedOperation")
	}
	return nil
}

// vpcError makes an error of EC2 the phase's failure.
func vpcError(err error) error {
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		return fail(codeVPC, "Unexpected EC2 error: %s", e.Code)
	}
	return err
}

// depart deletes the build's interface, as the build's role; without the right to do so it stays.
func (l *life) depart(ctx context.Context) {
	if l.build.Interface == "" {
		return
	}
	l.room.mu.Lock()
	maps.DeleteFunc(l.room.members, func(_ string, m member) bool { return m.build == l.build.ID }) // renewed ones too
	l.room.mu.Unlock()
	arn := "arn:" + l.build.Place.Partition + ":ec2:" + l.build.Place.Region + ":" + l.build.Place.Account + ":network-interface/" + l.build.Interface
	err := l.mayEC2(ctx, protocol.Need{Action: "ec2:DeleteNetworkInterface", Resources: []string{arn}})
	if err == nil {
		err = l.room.Network.Detach(l.build.Place.Region, l.build.Interface)
	}
	if err != nil {
		l.room.Log.Warn("network interface stays", "build", l.build.ID, "interface", l.build.Interface, "error", err)
	}
}

// inherit gives renewed credentials the place of older ones in a network.
func (r *Room) inherit(old, renewed *session.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m, inside := r.members[old.AccessKeyID]; inside {
		r.members[renewed.AccessKeyID] = m
	}
}

// Reaches reports whether a session's calls reach a service, named as VPC endpoints name it ("s3", "ecr.api"): only
// builds in a network may not.
func (r *Room) Reaches(as *session.Session, service string) bool {
	r.mu.Lock()
	m, inside := r.members[as.AccessKeyID]
	r.mu.Unlock()
	return !inside || len(r.Network.Unreachable(m.region, m.subnet, m.groups, []string{service})) == 0
}

// reach fails with a phase's code if the build's network does not lead to a service; host is the service's, without
// region and suffix.
func (l *life) reach(code, service, host, about string) error {
	if l.room.Reaches(l.role, service) {
		return nil
	}
	return fail(code, `RequestError: send request failed caused by: "https://%s/": dial tcp: i/o timeout%s`,
		protocol.ViaService(host, l.build.Place.Region, l.build.Place.Partition), about)
}
