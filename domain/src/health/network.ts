/** Service and Ingress: whoever asked for a load balancer waits for its address. */
import type { KubeObject } from '../object/types.ts';
import type { Health } from '../status/words.ts';
import { verdict } from './condition.ts';
import { listAt, textAt } from './read.ts';

export function serviceHealth(object: KubeObject): Health {
  return textAt(object, 'spec', 'type') === 'LoadBalancer' ? loadBalancerHealth(object) : verdict('Healthy');
}

export function ingressHealth(object: KubeObject): Health {
  return loadBalancerHealth(object);
}

function loadBalancerHealth(object: KubeObject): Health {
  const addresses = listAt(object, 'status', 'loadBalancer', 'ingress');
  return addresses.length > 0
    ? verdict('Healthy')
    : verdict('Progressing', 'waiting for the load balancer’s address');
}
