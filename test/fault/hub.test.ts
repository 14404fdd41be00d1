/** From the webhook to the message that leaves the hub: a kill at any point loses nothing. */
import { killAtEach } from './src/killAtEach.ts';
import { pointsOfHub } from './src/points.ts';

killAtEach(pointsOfHub);
