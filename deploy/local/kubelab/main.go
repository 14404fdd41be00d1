// Command kubelab is a Kubernetes control plane in one binary, for local fleets and tests.
//
// It plays the component it is called as (etcd, kube-apiserver, kube-controller-manager or
// kube-scheduler), so that symlinks give the whole set and one build pins every version.
// `kubelab kwok-stages` prints the stages with which kwok plays nodes and kubelets.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	nodes "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	leases "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	pods "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
)

const usage = "kubelab: call it as etcd, kube-apiserver, kube-controller-manager or kube-scheduler (by symlink), or `kubelab kwok-stages`"

func main() {
	switch filepath.Base(os.Args[0]) {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	case "kube-scheduler":
		os.Exit(cli.Run(scheduler.NewSchedulerCommand()))
	default:
		if len(os.Args) != 2 || os.Args[1] != "kwok-stages" {
			fmt.Fprintln(os.Stderr, usage)
			os.Exit(2)
		}
		fmt.Println(strings.Join([]string{
			nodes.DefaultNodeInit, leases.DefaultNodeHeartbeatWithLease,
			pods.DefaultPodReady, pods.DefaultPodComplete, pods.DefaultPodDelete,
		}, "\n---\n"))
	}
}
