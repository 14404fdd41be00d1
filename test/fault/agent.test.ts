/** From the snapshot on the agent's volume to the inventory without what is gone: a kill at any point loses nothing. */
import { killAtEach } from './src/killAtEach.ts';
import { pointsOfAgent } from './src/points.ts';

killAtEach(pointsOfAgent);
